/**
 * The client: one user's connection to the daemon, and all of their channels.
 *
 * Made by the application, one a page. It ties the parts together: `Line` (the connection), `Syncer` (what was missed),
 * `Sender` (what is owed), `Kept` (the store), `Channel` (what is held and shown).
 */
import { Channel } from "./channel.ts";
import { Emitter, guarded } from "./emitter.ts";
import { TenfourError } from "./errors.ts";
import { Kept } from "./kept.ts";
import { Line } from "./line.ts";
import type { Hooks } from "./line.ts";
import { statusOf } from "./outbox.ts";
import type { Item } from "./outbox.ts";
import { Rest } from "./rest.ts";
import { Sender } from "./sender.ts";
import { memoryStore } from "./store.ts";
import type { Saved } from "./store.ts";
import { Syncer } from "./sync.ts";
import { claims, Tokens } from "./token.ts";
import type {
  ChatMessage,
  ClientFrame,
  ClientSnapshot,
  Connection,
  Events,
  Frame,
  MessageStatus,
  Options,
  Presence,
  ServerFrame,
  Socket,
  User,
  WireChannel,
  WireMessage,
} from "./types.ts";

interface Wait {
  _holds(): boolean;
  _done(): void;
  _failed(error: TenfourError): void;
}

export class TenfourClient implements Hooks {
  user: User | null = null;
  _epoch = "";
  readonly _rest: Rest;
  readonly _line: Line;
  readonly _sender: Sender;
  readonly _kept: Kept;
  private readonly _syncer: Syncer;
  private readonly _tokens: Tokens;
  private readonly _events = new Emitter<Events>();
  private readonly _channels = new Map<string, Channel>();
  private readonly _listeners = new Set<() => void>();
  private readonly _dirty = new Set<Channel>();
  private _flushing = false;
  private _shown: Connection;
  private _shot: ClientSnapshot | null = null;
  /** Who is seen in a channel, and how they are. */
  private _people: Record<string, Presence> = {};
  private readonly _waits = new Set<Wait>();
  private _closed = false;

  constructor(options: Options) {
    const url = (options.url ?? globalThis.location?.origin ?? "").replace(/\/$/, "");
    const Sockets = options.WebSocket ?? (globalThis.WebSocket as unknown as new (url: string, protocols: string[]) => Socket);
    if (!Sockets) throw new TenfourError("no_websocket", "there is no WebSocket here: pass one, such as that of ws");
    const { minDelay = 500, maxDelay = 20_000, stableAfter = 5_000 } = options.reconnect ?? {};
    const { interval = 20_000, timeout = 10_000 } = options.heartbeat ?? {};
    const { maxEntries = 500, maxAgeMs = 7 * 86_400_000 } = options.outbox ?? {};
    const connectTimeout = options.connectTimeout ?? 10_000;
    this._tokens = new Tokens(options.getToken, connectTimeout);
    this._rest = new Rest(url, this._tokens, options.fetch ?? ((...args) => fetch(...args)));
    this._kept = new Kept(this, options.store ?? memoryStore());
    this._sender = new Sender(this, options.ackTimeout ?? 10_000, { maxEntries, maxAgeMs });
    const timing = { minDelay, maxDelay, stableAfter, interval, timeout, connectTimeout };
    this._line = new Line(url, Sockets, this._tokens, this._rest, timing, this);
    this._shown = this._line._now;
    this._syncer = new Syncer(this._line, this._channels);
  }

  get connection(): Connection {
    return this._line._now;
  }

  get unread(): ClientSnapshot["unread"] {
    return this.getSnapshot().unread;
  }

  get _me(): string | undefined {
    return this.user?.id;
  }

  /** Resolves once connected and caught up. Goes on trying until it is stopped, and then rejects. */
  connect(): Promise<void> {
    if (this._closed) return Promise.reject(new TenfourError("closed"));
    this._line._start();
    const connected = this._until(() => this._line._now.synced);
    connected.catch(() => {});
    return connected;
  }

  /** Hangs up. What waits stays queued, and goes out after the next `connect`. */
  disconnect(): void {
    this._line._stop();
  }

  /** Hangs up for good. With `purge`, as at a sign-out, whatever was kept of the user is deleted. */
  async close({ purge = false } = {}): Promise<void> {
    this._closed = true;
    this._line._stop();
    this._sender._close();
    await this._kept._close(purge);
  }

  /** A handle on a channel, the same for the same id. */
  channel(id: string): Channel {
    let channel = this._channels.get(id);
    if (!channel) this._channels.set(id, (channel = new Channel(this, id)));
    return channel;
  }

  readonly channels = {
    /** Of the server, now. The list that keeps itself up to date is in the snapshot. */
    list: (): Promise<Channel[]> =>
      this._rest._call<{ channels: WireChannel[] }>("GET", "/channels").then((page) => page.channels.map((it) => this._known(it))),
    get: (id: string): Promise<Channel> => this._rest._call<WireChannel>("GET", `/channels/${id}`).then((it) => this._known(it)),
    create: (group: { name: string; memberIds?: string[] }): Promise<Channel> => this._create({ type: "group", ...group }),
    /** The channel with one other user; made where there is none. */
    direct: (userId: string): Promise<Channel> => this._create({ type: "direct", userId }),
  };

  /** Calls back on an event, until the signal or what it returns says to stop. */
  on<K extends keyof Events>(name: K, callback: (event: Events[K]) => void, options?: { signal?: AbortSignal }): () => void {
    return this._events._on(name, callback, options?.signal);
  }

  /** Immutable, and the same object until something changes. */
  getSnapshot(): ClientSnapshot {
    if (this._shot) return this._shot;
    const channels = [...this._channels.values()].filter((channel) => channel._joined).map((channel) => channel._summary());
    const items = [...this._sender._outbox._items.values()];
    const failed = items.filter((item) => item._entry.error).length;
    return (this._shot = {
      connection: this._line._now,
      user: this.user,
      channels,
      unread: {
        total: channels.reduce((sum, { unread }) => sum + unread, 0),
        byChannel: Object.fromEntries(channels.map(({ id, unread }) => [id, unread])),
      },
      presence: this._people,
      pending: items.length - failed,
      failed,
    });
  }

  /** Calls back after each change. */
  subscribe(callback: () => void): () => void {
    const listener = () => callback();
    this._listeners.add(listener);
    return () => void this._listeners.delete(listener);
  }

  // What follows is called by the parts.

  _emit<K extends keyof Events>(name: K, event: Events[K]): void {
    this._events._emit(name, event);
  }

  /** False while there is no connection. */
  _send(frame: ClientFrame): boolean {
    if (this._line._now.state !== "connected") return false;
    this._line._send(frame);
    return true;
  }

  /** A stored message as it is shown. */
  _view(message: WireMessage): ChatMessage {
    const mine = message.senderId === this._me;
    return { ...message, key: mine ? message.clientId : message.id, status: "sent", mine };
  }

  /** An entry of the outbox as a message. */
  _pending(item: Item, status: MessageStatus = statusOf(item)): ChatMessage {
    const { clientId, channelId, content, contentType = "text", replyToId = null, at, error } = item._entry;
    const sender = { senderId: this.user?.id ?? "", senderName: this.user?.name ?? "" };
    const times = { createdAt: new Date(at).toISOString(), updatedAt: null, deletedAt: null };
    const ids = { id: "", clientId, channelId, ...sender, seq: 0, version: 0 };
    const shown = { key: clientId, status, mine: true, ...(error && { error: new TenfourError(error.code, error.message) }) };
    return { ...ids, content, contentType, replyToId, attachments: [], ...times, ...shown };
  }

  /** A message in its newest state, as far as is known. */
  _took(channel: Channel, message: WireMessage): void {
    const sent = this._stored(message);
    const view = this._view(message);
    const was = channel._joined ? channel._put(view) : null;
    if (!was || sent) return;
    this._emit(message.deletedAt ? "message.deleted" : was === "new" ? "message.new" : "message.updated", view);
  }

  /** True if it had waited here for that. */
  _stored(message: WireMessage): boolean {
    const sent = this._sender._settle(message);
    if (sent) this._emit("message.sent", this._view(message));
    return sent;
  }

  /** Once it is known whether there is such a channel. */
  async _ready(channel: Channel): Promise<void> {
    await this._until(() => channel._joined || this._line._now.state === "connected");
    if (!channel._joined) throw new TenfourError("not_found", "there is no such channel, or you are not in it");
  }

  /** Everybody is told once what runs now is done. */
  _touch(channel?: Channel): void {
    this._shot = null;
    if (channel) {
      this._dirty.add(channel);
      this._kept._touch(channel);
    }
    if (this._flushing) return;
    this._flushing = true;
    queueMicrotask(() => {
      this._flushing = false;
      const dirty = [...this._dirty];
      this._dirty.clear();
      for (const channel of dirty) channel._notify();
      for (const listener of [...this._listeners]) guarded(listener);
    });
  }

  // What follows is called by the line.

  async _admit(token: string): Promise<void> {
    const user = claims(token).sub ?? "?";
    if (this._kept._user && this._kept._user !== user) {
      throw new TenfourError("user_changed", "the token is of another user; make another client for them");
    }
    await this._kept._bind(user, (saved) => this._restore(saved));
  }

  _changed(): void {
    this._touch();
    const now = this._line._now;
    for (const wait of this._waits) {
      const holds = wait._holds();
      if (!holds && now.state !== "disconnected") continue;
      this._waits.delete(wait);
      if (holds) wait._done();
      else wait._failed(new TenfourError(now.reason?.code ?? "closed", now.reason?.message));
    }
    if (now === this._shown) return;
    this._shown = now;
    this._emit("connection.changed", now);
  }

  _lost(code: number): void {
    this._syncer._lost();
    this._sender._lost(code);
    for (const channel of this._channels.values()) channel._offline();
  }

  _hello({ user, epoch, channels }: Frame<"hello">): void {
    this.user = user;
    this._epoch = epoch;
    const there = new Set(channels.map(({ id }) => id));
    for (const channel of this._channels.values()) if (channel._joined && !there.has(channel.id)) this._remove(channel);
    const before = this._people;
    this._people = {};
    for (const info of channels) {
      this.channel(info.id)._hello(info, epoch);
      this._meet(info.memberIds, info.online, before);
    }
    this._sender._start();
    this._syncer._pump();
  }

  _frame(frame: ServerFrame): void {
    switch (frame.type) {
      case "ack":
        this._acked(frame);
        break;
      case "sync":
        this._syncer._page(frame);
        break;
      case "sync_complete":
        this._syncer._complete(frame);
        break;
      case "error":
        this._refused(frame);
        break;
      case "channel_removed":
        this._remove(this.channel(frame.channelId));
        break;
      case "channel":
        this._meet(frame.data.memberIds, frame.data.online);
        if (this.channel(frame.data.id)._joined) this.channel(frame.data.id)._frame(frame);
        else this._add(frame.data);
        break;
      case "message":
      case "message_updated":
      case "message_deleted":
        this._message(frame);
        break;
      case "members":
        this._meet(frame.memberIds, frame.online);
        this._channels.get(frame.channelId)?._frame(frame);
        break;
      case "presence":
        this._seen(frame);
        this._channels.get(frame.channelId)?._frame(frame);
        break;
      case "typing":
      case "typing_stopped":
      case "read":
        this._channels.get(frame.channelId)?._frame(frame);
    }
    this._syncer._pump();
  }

  private _message(frame: Frame<"message"> | Frame<"message_updated"> | Frame<"message_deleted">): void {
    const { data } = frame;
    const channel = this._channels.get(data.channelId);
    if (!channel?._joined) return;
    // One's own counts as its ack at once, whatever its turn is.
    if (data.senderId === this._me && this._sender._outbox._items.has(data.clientId)) this._took(channel, data);
    channel._frame(frame);
  }

  private _acked(ack: Frame<"ack">): void {
    const message = this._sender._acked(ack);
    if (message) this._took(this.channel(ack.channelId), message);
    const channel = this._channels.get(ack.channelId);
    // A duplicate's repeats an old version and has no place in the sequence.
    if (channel?._joined && !ack.duplicate) channel._cursor._live({ _version: ack.version, _apply: () => {} });
  }

  private _refused(error: Frame<"error">): void {
    const { code, message, retryable, retryAfterMs, clientId, ref } = error;
    if (clientId && this._sender._outbox._items.has(clientId)) return this._sender._refused(error);
    if (this._syncer._refused(error)) return;
    const [what, id] = String(ref).split(" ");
    if (what === "read" && retryable) return this._channels.get(id!)?._markAgain(retryAfterMs ?? 1_000);
    this._emit("error", new TenfourError(code, message, retryable, undefined, retryAfterMs ?? undefined));
  }

  private _add(info: WireChannel): void {
    const channel = this.channel(info.id);
    channel._hello(info, this._epoch);
    this._emit("channel.added", channel._summary());
  }

  private _remove(channel: Channel): void {
    this._syncer._gone(channel.id);
    if (!channel._joined) return;
    channel._removed();
    this._emit("channel.removed", { channelId: channel.id });
  }

  private async _restore(saved: Saved | undefined): Promise<void> {
    this.user ??= saved?.me ?? null;
    for (const channel of saved?.channels ?? []) {
      if (!this.channel(channel.id)._joined) this.channel(channel.id)._restore(channel);
    }
    await this._sender._bound();
    this._touch();
  }

  private _create(body: unknown): Promise<Channel> {
    return this._rest._call<WireChannel>("POST", "/channels", body).then((info) => this._known(info));
  }

  private _known(info: WireChannel): Channel {
    const channel = this.channel(info.id);
    if (!channel._joined && info.role) this._add(info);
    return channel;
  }

  private _meet(memberIds: readonly string[], online: readonly string[], before = this._people): void {
    const there = new Set(online);
    const met = memberIds.map((id) => [id, { online: there.has(id), lastSeenAt: before[id]?.lastSeenAt ?? null }] as const);
    this._people = { ...this._people, ...Object.fromEntries(met) };
    this._touch();
  }

  private _seen({ userId, status, lastSeenAt }: Frame<"presence">): void {
    const online = status === "online";
    // It comes once for each channel that is shared.
    if (this._people[userId]?.online === online) return;
    this._people = { ...this._people, [userId]: { online, lastSeenAt } };
    this._emit("presence.changed", { userId, online, lastSeenAt });
  }

  private _until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((_done, _failed) => this._waits.add({ _holds: holds, _done, _failed }));
  }
}
