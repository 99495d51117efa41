/**
 * The client: one user's connection to the daemon, and all of their channels.
 *
 * Made by the application, one a page. It ties the parts together: `Line` (the connection), `Syncer` (what was missed),
 * `Sender` (what is owed), `Kept` (the store), `Channel` (what is held and shown).
 */
import { quiet } from "./backoff.ts";
import { Channel } from "./channel.ts";
import { TenfourError } from "./errors.ts";
import { Kept } from "./kept.ts";
import { Line } from "./line.ts";
import type { Hooks } from "./line.ts";
import { Rest } from "./rest.ts";
import { Sender } from "./sender.ts";
import type { Item } from "./sender.ts";
import { memoryStore } from "./store.ts";
import type { Entry, Saved } from "./store.ts";
import { Syncer } from "./sync.ts";
import { claims, Tokens } from "./token.ts";
import type {
  ChatMessage,
  ClientFrame,
  ClientSnapshot,
  Connection,
  Events,
  Frame,
  Options,
  Presence,
  ServerFrame,
  User,
  WireChannel,
  WireMessage,
} from "./types.ts";

/** A frame about one channel. */
export type ChannelFrame = Exclude<Extract<ServerFrame, { channelId: string } | { data: unknown }>, Frame<"ack" | "sync" | "channel_removed">>;

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
  private readonly _events = new EventTarget();
  private readonly _channels = new Map<string, Channel>();
  private readonly _dirty = new Set<Channel>();
  private _flushing = false;
  private _shown: Connection | null = null;
  private _shot: ClientSnapshot | null = null;
  /** Who is seen in a channel, and how they are. */
  private _people: Record<string, Presence> = {};
  private readonly _waits = new Set<Wait>();
  private _closed = false;

  constructor({
    url = globalThis.location?.origin,
    getToken,
    store = memoryStore(),
    reconnect: { minDelay = 500, maxDelay = 20_000, stableAfter = 5_000 } = {},
    heartbeat: { interval = 20_000, timeout = 10_000 } = {},
    outbox: { maxEntries = 500, maxAgeMs = 7 * 86_400_000 } = {},
    connectTimeout = 10_000,
    ackTimeout = 10_000,
    WebSocket: Sockets = globalThis.WebSocket as unknown as NonNullable<Options["WebSocket"]>,
    fetch: fetches = (...args) => fetch(...args),
  }: Options) {
    const base = String(url).replace(/\/$/, "");
    const tokens = new Tokens(getToken, connectTimeout);
    const timing = { minDelay, maxDelay, stableAfter, interval, timeout, connectTimeout };
    this._rest = new Rest(base, tokens, fetches);
    this._kept = new Kept(this, store);
    this._sender = new Sender(this, { _ackTimeout: ackTimeout, _maxEntries: maxEntries, _maxAgeMs: maxAgeMs });
    this._line = new Line(base, Sockets, tokens, this._rest, timing, this);
    this._syncer = new Syncer(this._line, this._channels);
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden && void this._kept._save());
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
    if (!this._closed) this._line._start();
    return quiet(this._until(() => this._line._now.synced));
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
      this._rest._call<{ channels: WireChannel[] }>("GET", "channels").then((page) => page.channels.map((it) => this._known(it))),
    get: (id: string): Promise<Channel> => this._rest._call<WireChannel>("GET", `channels/${id}`).then((it) => this._known(it)),
    create: (group: { name: string; memberIds?: string[] }): Promise<Channel> => this._create({ type: "group", ...group }),
    /** The channel with one other user; made where there is none. */
    direct: (userId: string): Promise<Channel> => this._create({ type: "direct", userId }),
  };

  /** Calls back on an event, until the signal or what it returns says to stop. */
  on<K extends keyof Events>(name: K, callback: (event: Events[K]) => void, options: { signal?: AbortSignal } = {}): () => void {
    const listener = (event: Event) => callback((event as CustomEvent<Events[K]>).detail);
    this._events.addEventListener(name, listener, options);
    return () => this._events.removeEventListener(name, listener);
  }

  /** Immutable, and the same object until something changes. */
  getSnapshot(): ClientSnapshot {
    if (this._shot) return this._shot;
    const channels = [...this._channels.values()].filter((channel) => channel._joined).map((channel) => channel._summary());
    const items = [...this._sender._items.values()];
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
    return this.on("change" as keyof Events, () => callback());
  }

  // What follows is called by the parts.

  /** A callback that throws is told to the runtime, and harms nobody else. */
  _emit<K extends keyof Events>(name: K, detail?: Events[K]): void {
    this._events.dispatchEvent(new CustomEvent(name, { detail }));
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

  /** An entry of the outbox as the server would tell it. */
  _wire({ clientId, channelId, content, contentType = "text", replyToId, at }: Entry): WireMessage {
    return {
      id: "",
      clientId,
      channelId,
      senderId: this.user?.id ?? "",
      senderName: this.user?.name ?? "",
      seq: 0,
      version: 0,
      content,
      contentType,
      replyToId: replyToId ?? null,
      attachments: [],
      createdAt: new Date(at).toISOString(),
      updatedAt: null,
      deletedAt: null,
    };
  }

  /** An entry of the outbox as it is shown. */
  _pending({ _entry, _sending }: Item): ChatMessage {
    const { error, clientId } = _entry;
    const status = error ? "failed" : _sending ? "sending" : "queued";
    const shown = { ...this._wire(_entry), key: clientId, mine: true, status } as const;
    return error ? { ...shown, error: new TenfourError(error.code, error.message) } : shown;
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
    if (!channel._joined) throw new TenfourError("not_found");
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
      this._emit("change" as keyof Events);
    });
  }

  // What follows is called by the line.

  async _admit(token: string): Promise<void> {
    const user = claims(token).sub ?? "?";
    // The token is of another user: that takes another client.
    if (this._kept._user && this._kept._user !== user) throw new TenfourError("user_changed");
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
    if (frame.type === "ack") this._acked(frame);
    else if (frame.type === "sync") this._syncer._page(frame);
    else if (frame.type === "sync_complete") this._syncer._complete(frame);
    else if (frame.type === "error") this._refused(frame);
    else if (frame.type === "channel_removed") this._remove(this.channel(frame.channelId));
    else if ("data" in frame || "channelId" in frame) this._told(frame);
    this._syncer._pump();
  }

  private _told(frame: ChannelFrame): void {
    if (frame.type === "presence") this._seen(frame);
    if (frame.type === "members") this._meet(frame.memberIds, frame.online);
    if (frame.type === "channel") {
      this._meet(frame.data.memberIds, frame.data.online);
      if (!this.channel(frame.data.id)._joined) return this._add(frame.data);
    }
    // One's own counts as its ack at once, whatever its turn is.
    if (frame.type === "message" && this._sender._items.has(frame.data.clientId) && frame.data.senderId === this._me) {
      this._took(this.channel(frame.data.channelId), frame.data);
    }
    const id = "channelId" in frame ? frame.channelId : "channelId" in frame.data ? frame.data.channelId : frame.data.id;
    const channel = this.channel(id);
    if (channel._joined) channel._frame(frame);
  }

  private _acked({ clientId, serverId: id, channelId, seq, version, createdAt, duplicate }: Frame<"ack">): void {
    const channel = this.channel(channelId);
    const item = this._sender._items.get(clientId);
    if (item) this._took(channel, { ...this._wire(item._entry), id, seq, version, createdAt });
    // A duplicate's repeats an old version and has no place in the sequence.
    if (channel._joined && !duplicate) channel._cursor._live({ _version: version, _apply: () => {} });
  }

  private _refused(error: Frame<"error">): void {
    const { code, message, retryable, retryAfterMs, clientId, ref } = error;
    if (this._sender._items.has(clientId!)) return this._sender._refused(error);
    if (this._syncer._refused(error)) return;
    // The `ref` of a read mark is its channel.
    const channel = this._channels.get(ref as string);
    if (channel) channel._mark(retryAfterMs ?? 1_000);
    else this._emit("error", new TenfourError(code, message, retryable, undefined, retryAfterMs));
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
    return this._rest._call<WireChannel>("POST", "channels", body).then((info) => this._known(info));
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
    if (this._closed) return Promise.reject(new TenfourError("closed"));
    return new Promise((_done, _failed) => this._waits.add({ _holds: holds, _done, _failed }));
  }
}
