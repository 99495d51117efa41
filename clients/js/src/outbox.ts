/**
 * Messages on their way: queued, sending, then stored or failed.
 *
 * Used by `Sender`. Pure: time comes in, what is due goes out. A message keeps its `clientId` until the server has
 * answered for it, over any number of connections. Order is kept per channel: one at a time is under way, and after a
 * retryable error nothing later goes out there until that one is through.
 */
import { delay, random } from "./backoff.ts";
import { TenfourError } from "./errors.ts";
import type { Entry } from "./store.ts";
import type { ChatMessage, Draft, MessageStatus } from "./types.ts";

export interface Item {
  _entry: Entry;
  /** Since when its answer is waited for. */
  _sending: number;
  /** It is in the store, and what vanishes there is gone. */
  _kept: boolean;
  /** As it is shown; made anew when its state changes. */
  _view?: ChatMessage | undefined;
}

export interface Limits {
  maxEntries: number;
  maxAgeMs: number;
}

const RETRY_MIN = 500;
const RETRY_MAX = 20_000;

export class Outbox {
  /** By `clientId`, in the order of sending. */
  _items = new Map<string, Item>();
  /** By channel: nothing before this time, after so many refusals. */
  private _held = new Map<string, { _until: number; _tries: number }>();
  private _last = 0;

  constructor(private readonly _limits: Limits) {}

  _add(clientId: string, channelId: string, draft: Draft): Item {
    const { content, contentType, replyToId } = draft;
    if (!content) throw new TenfourError("invalid_frame", "the message is empty");
    if (this._items.size >= this._limits.maxEntries) {
      throw new TenfourError("outbox_full", `${this._items.size} messages wait already`, true);
    }
    const entry = { clientId, channelId, content, at: this._at(), ...(contentType && { contentType }), ...(replyToId && { replyToId }) };
    const item = { _entry: entry, _sending: 0, _kept: false };
    this._items.set(clientId, item);
    return item;
  }

  /** Once more, after all that waits. */
  _again(clientId: string): Item | null {
    const item = this._items.get(clientId);
    if (!item?._entry.error) return null;
    const { error: _, ...entry } = item._entry;
    this._items.delete(clientId);
    this._items.set(clientId, item);
    this._set(item, { ...entry, at: this._at() });
    item._kept = false;
    return item;
  }

  /** What is to be sent now, in order. */
  _due(now: number): Item[] {
    return this._heads().filter(
      ({ _entry, _sending, _kept }) => _kept && !_sending && (this._held.get(_entry.channelId)?._until ?? 0) <= now,
    );
  }

  /** What has waited too long. */
  _expired(now: number): Item[] {
    return [...this._items.values()].filter(
      ({ _entry, _sending }) => !_sending && !_entry.error && _entry.at < now - this._limits.maxAgeMs,
    );
  }

  /** When to look again though nothing has come; infinite for never. */
  _next(ackTimeout: number): number {
    const times = this._heads().map(({ _entry, _sending }) =>
      _sending ? _sending + ackTimeout : (this._held.get(_entry.channelId)?._until ?? Infinity),
    );
    return Math.min(Infinity, ...times);
  }

  /** Since when the oldest answer is waited for. */
  _oldest(): number {
    return Math.min(Infinity, ...this._under().map(({ _sending }) => _sending));
  }

  _under(): Item[] {
    return [...this._items.values()].filter(({ _sending }) => _sending);
  }

  _waiting(): boolean {
    return this._heads().length > 0;
  }

  /** It is stored, cancelled, or gone. */
  _take(clientId: string): Item | undefined {
    const item = this._items.get(clientId);
    this._items.delete(clientId);
    if (item && !item._entry.error) this._held.delete(item._entry.channelId);
    return item;
  }

  /** Not for now: it and the later ones of its channel wait. */
  _hold(item: Item, now: number, retryAfterMs?: number | null): void {
    const { channelId } = item._entry;
    const tries = this._held.get(channelId)?._tries ?? 0;
    const wait = retryAfterMs ?? delay(tries, RETRY_MIN, RETRY_MAX, random());
    this._held.set(channelId, { _until: now + Math.min(wait, RETRY_MAX), _tries: tries + 1 });
    this._status(item, 0);
  }

  _fail(item: Item, error: NonNullable<Entry["error"]>): void {
    item._sending = 0;
    this._held.delete(item._entry.channelId);
    this._set(item, { ...item._entry, error: { code: error.code, message: error.message } });
  }

  _status(item: Item, sending: number): void {
    item._sending = sending;
    item._view = undefined;
  }

  /** The connection is gone: whatever is unanswered goes out again, in order. */
  _lost(): void {
    for (const item of this._under()) this._status(item, 0);
  }

  /** Takes over what the store holds, but for what `mine` is still busy with. Gives back what was touched. */
  _merge(entries: Entry[], mine: ReadonlySet<string>): Item[] {
    const touched: Item[] = [];
    const there = new Map(entries.map((entry) => [entry.clientId, entry]));
    for (const [clientId, item] of this._items) {
      if (item._kept && !item._sending && !there.has(clientId)) {
        this._items.delete(clientId);
        touched.push(item);
      }
    }
    for (const entry of entries) {
      const item = this._items.get(entry.clientId);
      if (mine.has(entry.clientId) || item?._sending || (item && !item._kept)) continue;
      if (item && item._entry.at === entry.at && item._entry.error?.code === entry.error?.code) continue;
      const changed = item ?? { _entry: entry, _sending: 0, _kept: true };
      this._set(changed, entry);
      this._items.set(entry.clientId, changed);
      touched.push(changed);
    }
    this._items = new Map([...this._items].sort(([, a], [, b]) => a._entry.at - b._entry.at));
    return touched;
  }

  _of(channelId: string): Item[] {
    return [...this._items.values()].filter(({ _entry }) => _entry.channelId === channelId);
  }

  /** Of each channel the one that has its turn. */
  private _heads(): Item[] {
    const heads = new Map<string, Item>();
    for (const item of this._items.values()) {
      const { channelId, error } = item._entry;
      if (!error && !heads.has(channelId)) heads.set(channelId, item);
    }
    return [...heads.values()];
  }

  private _set(item: Item, entry: Entry): void {
    item._entry = entry;
    item._view = undefined;
  }

  /** Later than any before. */
  private _at(): number {
    return (this._last = Math.max(Date.now(), this._last + 0.01));
  }
}

export function statusOf({ _entry, _sending }: Item): MessageStatus {
  return _entry.error ? "failed" : _sending ? "sending" : "queued";
}
