/**
 * Gets messages out: keeps the outbox in the store, and sends what is due while the line is up.
 *
 * Used by the client. It drains under the store's lock, so that two tabs never send the same entry; where there are no
 * locks the server's look-up by `clientId` still keeps each message single.
 */
import { uuid } from "./backoff.ts";
import type { TenfourClient } from "./client.ts";
import { asError, TenfourError } from "./errors.ts";
import { Outbox } from "./outbox.ts";
import type { Item, Limits } from "./outbox.ts";
import type { News } from "./store.ts";
import type { ChatMessage, Draft, Frame, WireMessage } from "./types.ts";

interface Waiter {
  _done(message: ChatMessage): void;
  _failed(error: TenfourError): void;
}

export class Sender {
  readonly _outbox: Outbox;
  private _online = false;
  private _draining = false;
  private _wake: () => void = () => {};
  private _waiters = new Map<string, Waiter[]>();
  /** Leaving the store just now: not to be taken up from there again. */
  private _leaving = new Set<string>();

  constructor(
    private readonly _client: TenfourClient,
    private readonly _ackTimeout: number,
    limits: Limits,
  ) {
    this._outbox = new Outbox(limits);
  }

  _queue(channelId: string, draft: Draft): Promise<ChatMessage> {
    const clientId = uuid();
    let item: Item;
    try {
      item = this._outbox._add(clientId, channelId, draft);
    } catch (error) {
      return Promise.reject(error);
    }
    this._keep(item);
    this._changed(item);
    return this._wait(clientId);
  }

  _retry(clientId: string): Promise<ChatMessage> {
    const item = this._outbox._again(clientId);
    if (!item) return Promise.reject(new TenfourError("not_found", "no failed message has this clientId"));
    this._keep(item);
    this._changed(item);
    return this._wait(clientId);
  }

  _cancel(clientId: string): boolean {
    const item = this._outbox._items.get(clientId);
    if (!item || item._sending) return false;
    this._drop(clientId, { cancelled: clientId });
    this._changed(item);
    this._reject(clientId, new TenfourError("cancelled"));
    this._wake();
    return true;
  }

  /** The store is there: what waits in it is ours too, and what was queued before goes into it. */
  async _bound(): Promise<void> {
    await this._look();
    for (const item of this._outbox._items.values()) if (!item._kept) this._keep(item);
  }

  _start(): void {
    this._online = true;
    void this._drain();
  }

  _lost(code: number): void {
    this._online = false;
    if (code === 1009) {
      // It would be sent for ever.
      const [biggest] = this._outbox._under().sort((a, b) => b._entry.content.length - a._entry.content.length);
      if (biggest) this._fail(biggest, new TenfourError("too_large", "the message is too big for the server"));
    }
    const under = this._outbox._under();
    this._outbox._lost();
    for (const item of under) this._changed(item);
    this._wake();
  }

  /** Nothing more comes of what waits, as far as its callers are concerned. It stays in the store. */
  _close(): void {
    for (const clientId of [...this._waiters.keys()]) this._reject(clientId, new TenfourError("closed"));
  }

  /** An `ack`. Gives back the message, if it was ours and still waited. */
  _acked({ clientId, serverId, channelId, seq, version, createdAt }: Frame<"ack">): WireMessage | null {
    const item = this._outbox._items.get(clientId);
    const user = this._client.user;
    if (!item || !user) return null;
    const { content, contentType = "text", replyToId = null } = item._entry;
    const at = { createdAt, updatedAt: null, deletedAt: null };
    const sender = { senderId: user.id, senderName: user.name };
    const ids = { id: serverId, clientId, channelId, ...sender, seq, version };
    return { ...ids, content, contentType, replyToId, attachments: [], ...at };
  }

  /** A message is stored. True if it is one that waited here. */
  _settle(message: WireMessage): boolean {
    const { clientId } = message;
    const item = message.senderId === this._client._me && this._outbox._items.get(clientId);
    const waiters = this._waiters.get(clientId) ?? [];
    if (message.senderId === this._client._me) this._waiters.delete(clientId);
    if (item) {
      this._drop(clientId, { sent: message });
      this._changed(item);
      this._wake();
    }
    for (const waiter of waiters) waiter._done(this._client._view(message));
    return !!item;
  }

  /** The server did not take a message. */
  _refused(error: Frame<"error">): void {
    const item = this._outbox._items.get(error.clientId!);
    if (!item) return;
    if (error.retryable) this._outbox._hold(item, Date.now(), error.retryAfterMs);
    else this._fail(item, new TenfourError(error.code, error.message));
    this._changed(item);
    this._wake();
  }

  /** Another tab says what it did. */
  async _told({ sent, cancelled }: News): Promise<void> {
    if (sent) return this._client._took(this._client.channel(sent.channelId), sent);
    if (cancelled) this._reject(cancelled, new TenfourError("cancelled"));
    await this._look();
    void this._drain();
  }

  private get _store(): TenfourClient["_kept"] {
    return this._client._kept;
  }

  /** Takes over what other tabs did. */
  private async _look(): Promise<void> {
    const entries = await this._store._try((store, user) => store.entries(user));
    if (!entries) return;
    for (const item of this._outbox._merge(entries, this._leaving)) {
      this._changed(item);
      const { clientId, error } = item._entry;
      if (error) this._reject(clientId, new TenfourError(error.code, error.message));
    }
  }

  /** Into the store first; it is sent from there. */
  private _keep(item: Item): void {
    const { _entry: entry } = item;
    void this._store._try((store, user) => store.put(user, entry)).then(() => {
      if (item._entry !== entry || !this._store._user) return;
      item._kept = true;
      this._store._tell({});
      void this._drain();
    });
  }

  private _drop(clientId: string, news: News): void {
    this._outbox._take(clientId);
    this._leaving.add(clientId);
    void this._store._try((store, user) => store.remove(user, clientId)).then(() => this._leaving.delete(clientId));
    this._store._tell(news);
  }

  private _fail(item: Item, error: TenfourError): void {
    this._outbox._fail(item, error);
    const { _entry: entry } = item;
    void this._store._try((store, user) => store.put(user, entry)).then(() => this._store._tell({}));
    this._changed(item);
    this._reject(entry.clientId, error);
    this._client._emit("message.failed", this._client._pending(item, "failed"));
  }

  private _changed(item: Item): void {
    this._client.channel(item._entry.channelId)._touch();
  }

  private _wait(clientId: string): Promise<ChatMessage> {
    const waiting = new Promise<ChatMessage>((_done, _failed) => {
      this._waiters.set(clientId, [...(this._waiters.get(clientId) ?? []), { _done, _failed }]);
    });
    // Who does not wait for it sees the state of the message instead.
    waiting.catch(() => {});
    return waiting;
  }

  private _reject(clientId: string, error: TenfourError): void {
    for (const waiter of this._waiters.get(clientId) ?? []) waiter._failed(error);
    this._waiters.delete(clientId);
  }

  private async _drain(): Promise<void> {
    if (this._draining) return this._wake();
    if (!this._online || !this._outbox._waiting()) return;
    this._draining = true;
    try {
      await this._store._store.lock(this._store._user, () => this._work());
    } catch (error) {
      this._client._emit("error", asError(error, "store"));
      await new Promise((done) => setTimeout(done, 1_000));
    }
    this._draining = false;
    void this._drain();
  }

  private async _work(): Promise<void> {
    // Another tab may have sent some of them while this one waited for its turn.
    await this._look();
    while (this._online && this._outbox._waiting()) {
      const now = Date.now();
      for (const item of this._outbox._expired(now)) this._fail(item, new TenfourError("expired", "it waited too long"));
      for (const item of this._outbox._due(now)) {
        const { at: _at, error: _error, ...message } = item._entry;
        this._outbox._status(item, now);
        this._changed(item);
        this._client._send({ type: "message", ...message });
      }
      await this._sleep(this._outbox._next(this._ackTimeout) - now);
      if (Date.now() - this._outbox._oldest() >= this._ackTimeout) this._client._line._drop("no answer to a message");
    }
  }

  private async _sleep(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((done) => {
      this._wake = done;
      if (ms < Infinity) timer = setTimeout(done, Math.max(ms, 1));
    });
    clearTimeout(timer);
    this._wake = () => {};
  }
}
