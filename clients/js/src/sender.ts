/**
 * Messages on their way: queued, sending, then stored or failed; kept in the store, and sent while the line is up.
 *
 * Used by the client. A message keeps its `clientId` until the server has answered for it, over any number of
 * connections. Order is kept per channel: one at a time is under way, and after a retryable error nothing later goes out
 * there until that one is through. All is sent under the store's lock, so that two tabs never send the same entry; where
 * there are no locks the server's look-up by `clientId` still keeps each message single.
 */
import { delay, quiet, timer, uuid } from "./backoff.ts";
import type { TenfourClient } from "./client.ts";
import { TenfourError } from "./errors.ts";
import type { Entry, News } from "./store.ts";
import type { ChatMessage, Draft, Frame, WireMessage } from "./types.ts";
import { Limit } from "./limits.ts";

export interface Item {
  _entry: Entry;
  /** It went out on this connection, and its answer is waited for. */
  _sending: boolean;
  /** Nothing is done about it before this time. */
  _until: number;
  /** How often it was refused for now. */
  _failures: number;
  /** Another tab is sending it, as far as is known, until this time. */
  _away?: number;
  /** It is in the store, and what becomes of it there counts here. Undefined until the store was asked; then it may be sent. */
  _kept?: boolean | undefined;
  /** As it is shown; made anew when its state changes. */
  _shown?: ChatMessage | undefined;
}

export class Sender {
  /** By `clientId`, in the order of sending. */
  _items = new Map<string, Item>();
  private _busy?: boolean;
  private _wake: () => void = () => {};
  private readonly _timer = timer();
  /** Whoever waits for a message to be stored. */
  private readonly _waiters = new Map<string, (message: ChatMessage | Promise<never>) => void>();
  /** Settled here and not gone from the store: not to be taken up from there again. */
  private readonly _leaving = new Set<string>();
  private _last = 0;

  constructor(
    private readonly _client: TenfourClient,
    private readonly _timeout: number,
    private readonly _maxEntries: number,
    private readonly _maxAgeMs: number,
  ) {}

  get _list(): Item[] {
    return [...this._items.values()];
  }

  async _queue(channelId: string, draft: Draft): Promise<ChatMessage> {
    if (this._items.size >= this._maxEntries) throw new TenfourError("outbox_full", "", true);
    return this._put({ clientId: uuid(), channelId, ...draft });
  }

  /** Once more, after all that waits. */
  async _retry(clientId: string): Promise<ChatMessage> {
    const { error, ...entry } = this._items.get(clientId)?._entry ?? {};
    if (!error) throw new TenfourError("not_found");
    return this._put(entry as Omit<Entry, "at">);
  }

  _cancel(clientId: string): boolean {
    const item = this._items.get(clientId);
    if (!item || item._sending || (item._away! > Date.now() && !item._entry.error)) return false;
    this._drop(item, { cancelled: clientId });
    this._reject(clientId, "cancelled");
    return true;
  }

  /** The store is there: what waits in it is ours too, and what was queued before goes into it. */
  async _bound(): Promise<void> {
    await this._look();
    for (const item of this._list) if (!item._kept) void this._keep(item);
  }

  _lost(code: number): void {
    const under = this._list.filter((item) => item._sending);
    for (const item of under) this._status(item);
    // What is too big for the server would be sent for ever.
    const [biggest] = under.sort((a, b) => b._entry.content.length - a._entry.content.length);
    if (code === 1009 && biggest) this._fail(biggest, "too_large");
  }

  /** Nothing more comes of what waits, as far as its callers are concerned. It stays in the store. */
  _close(): void {
    for (const clientId of this._waiters.keys()) this._reject(clientId, "closed");
  }

  /** A message is stored. True if it is one that waited here. */
  _settle(message: WireMessage): boolean {
    const { clientId, channelId, senderId } = message;
    const item = this._items.get(clientId);
    if (senderId !== this._client._me || (item && item._entry.channelId !== channelId)) return false;
    this._answer(clientId, this._client._view(message));
    if (!item) return false;
    this._drop(item, { sent: message });
    return true;
  }

  /** The server did not take a message. */
  _refused({ clientId, code, message, retryable, retryAfterMs }: Frame<"error">): void {
    const item = this._items.get(clientId!)!;
    if (!retryable) this._fail(item, code, message);
    else this._status(item, false, Date.now() + (retryAfterMs ?? delay(item._failures++, Limit.RetryMin, Limit.RetryMax)));
  }

  /** Another tab says what it did. */
  async _told({ sent, cancelled, sending }: News): Promise<void> {
    if (sent) return this._client._took(this._client.channel(sent.channelId), sent);
    await this._look();
    const item = this._items.get((cancelled ?? sending)!);
    if (item && sending) item._away = Date.now() + this._timeout;
    // Too late: it is on its way, and goes back into the store.
    else if (item?._sending) void this._keep(item);
    else this._reject(cancelled!, "cancelled");
    void this._drain();
  }

  /** Queues it behind all others, as of now. */
  private _put(entry: Omit<Entry, "at">): Promise<ChatMessage> {
    if (this._client._closed) throw new TenfourError("closed");
    const { clientId } = entry;
    this._last = Math.max(Date.now(), this._last + 0.01);
    this._items.delete(clientId);
    void this._keep(this._add({ ...entry, at: this._last }));
    return new Promise((done) => this._waiters.set(clientId, done));
  }

  private _add(_entry: Entry, _kept?: boolean): Item {
    const item = { _entry, _failures: 0, _kept } as Item;
    this._items.set(_entry.clientId, item);
    this._status(item);
    return item;
  }

  /** Into the store first. What the store cannot take is sent all the same. */
  private async _keep(item: Item): Promise<void> {
    const entry = item._entry;
    const kept = this._client._kept;
    item._kept &&= false;
    const done = await kept._try("put", entry);
    if (item._entry !== entry || !kept._user) return;
    item._kept = done !== undefined;
    void kept._try("tell", {});
    void this._drain();
  }

  /** It is stored, or cancelled. */
  private _drop(item: Item, news: News): void {
    const clientId = item._entry.clientId;
    const kept = this._client._kept;
    this._items.delete(clientId);
    this._status(item);
    this._leaving.add(clientId);
    void kept._try("remove", clientId).then((done) => done !== undefined && this._leaving.delete(clientId));
    void kept._try("tell", news);
  }

  private _fail(item: Item, code: string, message = code): void {
    item._entry = { ...item._entry, error: { code, message } };
    this._status(item);
    void this._keep(item);
    this._reject(item._entry.clientId, code, message);
    this._client._emit("message.failed", this._client._pending(item));
  }

  private _reject(clientId: string, code: string, message?: string): void {
    this._answer(clientId, quiet(Promise.reject(new TenfourError(code, message))));
  }

  private _answer(clientId: string, answer: ChatMessage | Promise<never>): void {
    this._waiters.get(clientId)?.(answer);
    this._waiters.delete(clientId);
  }

  private _status(item: Item, sending = false, until = 0): void {
    item._sending = sending;
    item._until = until;
    item._shown = undefined;
    this._client.channel(item._entry.channelId)._touch();
    this._wake();
  }

  /** Takes over what other tabs did, but for what is in work here. */
  private async _look(): Promise<void> {
    const entries = await this._client._kept._try("entries");
    if (!entries) return;
    const there = new Map(entries.map((entry) => [entry.clientId, entry]));
    for (const [clientId, item] of this._items) {
      const entry = there.get(clientId);
      there.delete(clientId);
      if (!item._kept || item._sending) continue;
      if (entry?.at === item._entry.at && !entry.error === !item._entry.error) continue;
      if (entry) item._entry = entry;
      else this._items.delete(clientId);
      this._status(item);
      if (entry?.error) this._reject(clientId, entry.error.code, entry.error.message);
    }
    for (const [clientId, entry] of there) {
      if (!this._leaving.has(clientId)) this._add(entry, true);
    }
    this._items = new Map([...this._items].sort(([, a], [, b]) => a._entry.at - b._entry.at));
  }

  /** Of each channel the one that has its turn. */
  private _heads(): Item[] {
    const heads = new Map<string, Item>();
    for (const item of this._list.reverse()) {
      if (!item._entry.error) heads.set(item._entry.channelId, item);
    }
    return [...heads.values()];
  }

  async _drain(): Promise<void> {
    this._wake();
    if (this._busy || !this._client._line._connected || !this._heads().length) return;
    this._busy = true;
    const kept = this._client._kept;
    const work = async () => {
      // Another tab may have sent some of them while this one waited for its turn.
      await this._look();
      while (this._client._line._connected && this._heads().length) {
        const wait = this._send(Date.now());
        await new Promise<void>((done) => this._timer(wait, (this._wake = done)));
      }
      this._timer();
    };
    // Without the lock the server still keeps each message single.
    await (kept._store?.lock(kept._user, work).catch(work) ?? work());
    this._busy = false;
    void this._drain();
  }

  /** Sends what is due. In how many ms there is something to do though nothing has come. */
  private _send(now: number): number {
    let next = now + Limit.Look;
    for (const item of this._heads()) {
      const { at, attachments: files, ...message } = item._entry;
      const attachmentIds = files?.map(({ id }) => id) as string[];
      if (item._sending ? item._until <= now : at < now - this._maxAgeMs) {
        if (item._sending) this._client._line._drop("no_answer");
        else this._fail(item, "expired");
        return 0;
      }
      if (item._until <= now && item._kept !== undefined && this._client._line._send({ type: "message", attachmentIds, ...message })) {
        this._status(item, true, now + this._timeout);
        void this._client._kept._try("tell", { sending: message.clientId });
      }
      if (item._until > now) next = Math.min(next, item._until);
    }
    return next - now;
  }
}
