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
import { Limit } from "./limits.ts";
import { Line } from "./line.ts";
import type { Hooks } from "./line.ts";
import { rest } from "./rest.ts";
import type { Rest } from "./rest.ts";
import { Sender } from "./sender.ts";
import type { Item } from "./sender.ts";
import type { Entry } from "./store.ts";
import { Syncer } from "./sync.ts";
import { claims, Tokens } from "./token.ts";
import type {
  Attachment,
  ChatMessage,
  ClientSnapshot,
  Connection,
  Events,
  Frame,
  Options,
  Presence,
  ServerFrame,
  User,
  Via,
  WireChannel,
  WireMessage,
} from "./types.ts";

export class TenfourClient implements Hooks {
  user: User | null = null;
  _epoch = "";
  /**
   * A call of the daemon's REST surface, such as `request("GET", "channels")`, in the user's name. Rejects with a
   * `TenfourError`. A token that is refused is replaced once. It gives up after 15 seconds, unless `via` says otherwise.
   */
  readonly request: <T = unknown>(method: string, path: string, body?: unknown, via?: Via) => Promise<T>;
  readonly _line: Line;
  readonly _sender: Sender;
  readonly _kept: Kept;
  private readonly _syncer: Syncer;
  private readonly _events = new EventTarget();
  private readonly _channels = new Map<string, Channel>();
  private readonly _dirty = new Set<Channel>();
  private _flushing = false;
  private _shot: ClientSnapshot | null = null;
  /** Who is seen in a channel, and how they are. */
  _people: Record<string, Presence> = {};
  _closed?: boolean;

  constructor({
    url = globalThis.location?.origin,
    getToken,
    store,
    reconnect: { minDelay = 500, maxDelay = 20_000, stableAfter = 5_000 } = {},
    heartbeat: { interval = 20_000, timeout = 10_000 } = {},
    outbox: { maxEntries = 500, maxAgeMs = 7 * 86_400_000 } = {},
    connectTimeout = 10_000,
    ackTimeout = 10_000,
    WebSocket: Sockets = globalThis.WebSocket as unknown as NonNullable<Options["WebSocket"]>,
    fetch: fetches = fetch,
  }: Options) {
    const base = String(url).replace(/\/$/, "");
    const tokens = new Tokens(getToken, connectTimeout);
    const timing = { minDelay, maxDelay, stableAfter, interval, timeout, connectTimeout };
    const { _call, _with } = rest(base, tokens, fetches);
    this.request = _call;
    this._kept = new Kept(this, store);
    this._sender = new Sender(this, ackTimeout, maxEntries, maxAgeMs);
    this._line = new Line(base, Sockets, tokens, _with, timing, this);
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
    list: async (): Promise<Channel[]> => {
      const { channels } = await this.request<{ channels: WireChannel[] }>("GET", "channels");
      return channels.map((info) => this._known(info));
    },
    get: (id: string): Promise<Channel> => this._ask("GET", `channels/${encodeURIComponent(id)}`),
    create: (group: { name: string; memberIds?: string[] }): Promise<Channel> =>
      this._ask("POST", "channels", { type: "group", ...group }),
    /** The channel with one other user; made where there is none. */
    direct: (userId: string): Promise<Channel> => this._ask("POST", "channels", { type: "direct", userId }),
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
    const byChannel: Record<string, number> = {};
    let total = 0;
    for (const { id, unread } of channels) total += byChannel[id] = unread;
    const items = this._sender._list;
    const failed = items.filter((item) => item._entry.error).length;
    return (this._shot = {
      connection: this._line._now,
      user: this.user,
      channels,
      unread: { total, byChannel },
      presence: this._people,
      pending: items.length - failed,
      failed,
    });
  }

  /** Calls back after each change. */
  subscribe(callback: () => void): () => void {
    return this.on("change" as keyof Events, callback);
  }

  // What follows is called by the parts.

  /** A callback that throws is told to the runtime, and harms nobody else. */
  _emit<K extends keyof Events>(name: K, detail?: Events[K]): void {
    this._events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** A stored message as it is shown. */
  _view(message: WireMessage): ChatMessage {
    const mine = message.senderId === this._me;
    return { ...message, key: mine ? message.clientId : message.id, status: "sent", mine };
  }

  /** An entry of the outbox as the server would tell it. What the two have in common goes through as it is. */
  _wire({ contentType = "text", replyToId, at, attachments = [], attachmentIds: _ids, error: _why, instruction: asks, ...same }: Entry): WireMessage {
    const senderId = this._me ?? "";
    // Of all others, unless it says of whom.
    const assigneeIds = this.channel(same.channelId)._summary().memberIds.filter((id) => id !== senderId);
    return {
      id: "",
      ...same,
      senderId,
      senderName: this.user?.name ?? "",
      seq: 0,
      version: 0,
      contentType,
      replyToId: replyToId ?? null,
      attachments: attachments as Attachment[],
      createdAt: new Date(at).toISOString(),
      updatedAt: null,
      deletedAt: null,
      ...(asks && { instruction: { deadline: null, assigneeIds, overdueAt: null, answers: [], ...asks } }),
    };
  }

  /** An entry of the outbox as it is shown. */
  _pending({ _entry, _sending }: Item): ChatMessage {
    const { error, clientId } = _entry;
    const status = error ? "failed" : _sending ? "sending" : "queued";
    const why = error && { error: new TenfourError(error.code, error.message) };
    return { ...this._wire(_entry), key: clientId, mine: true, status, ...why };
  }

  /** A message in its newest state, as far as is known. */
  _took(channel: Channel, message: WireMessage, silent = false): void {
    const sent = this._sender._settle(message);
    const view = this._view(message);
    const was = channel._joined && channel._put(view);
    if (sent) this._emit("message.sent", view);
    else if (was && !silent) this._emit(`message.${message.deletedAt ? "deleted" : was}`, view);
  }

  /** Once it is known whether there is such a channel. */
  async _ready(channel: Channel): Promise<void> {
    await this._until(() => channel._joined || this._line._connected);
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
      for (const channel of this._dirty) channel._notify();
      this._dirty.clear();
      this._emit("change" as keyof Events);
    });
  }

  // What follows is called by the line.

  async _admit(token: string): Promise<void> {
    const user = claims(token).sub ?? "?";
    // The token is of another user: that takes another client.
    if (this._kept._user && this._kept._user !== user) throw new TenfourError("user_changed");
    await this._kept._bind(user, async (saved) => {
      this.user ??= saved?.me ?? null;
      for (const kept of saved?.channels ?? []) {
        const channel = this.channel(kept.id);
        if (!channel._joined) channel._restore(kept);
      }
      await this._sender._bound();
    });
  }

  _changed(): void {
    this._touch();
    this._emit("connection.changed", this._line._now);
    this._syncer._pump();
    void this._sender._drain();
  }

  _lost(code: number): void {
    this._syncer._lost();
    this._sender._lost(code);
    for (const channel of this._channels.values()) channel._offline();
  }

  _hello({ user, epoch, channels }: Frame<"hello">): void {
    this.user = user;
    this._epoch = epoch;
    for (const channel of this._channels.values()) {
      if (!channels.some(({ id }) => id === channel.id)) this._remove(channel);
    }
    const before = this._people;
    this._people = {};
    for (const info of channels) {
      this._meet(info, before);
      this.channel(info.id)._hello(info, epoch);
    }
  }

  _frame(frame: ServerFrame): void {
    const about = ((frame as { data?: unknown }).data ?? frame) as { channelId?: string; id?: string };
    const channel = this._channels.get((about.channelId ?? about.id)!);
    switch (frame.type) {
      case "ack": {
        const { clientId, serverId: id, channelId, seq, version, createdAt, duplicate } = frame;
        const item = this._sender._items.get(clientId);
        if (item) this._took(this.channel(channelId), { ...this._wire(item._entry), id, seq, version, createdAt });
        // A duplicate's repeats an old version and has no place in the sequence.
        if (!duplicate) channel?._live(version, null, () => {});
        break;
      }
      case "error":
        this._refused(frame);
        break;
      case "sync":
        this._syncer._page(frame);
        break;
      case "sync_complete":
        this._syncer._complete(frame);
        break;
      case "channel_removed":
        this._syncer._gone(frame.channelId);
        if (channel) this._remove(channel);
        break;
      case "channel":
        this._meet(frame.data);
        if (channel?._joined) channel._live(frame.data.version, frame.since, () => channel._told(frame.data), true);
        else this._add(frame.data);
        break;
      case "members":
        this._meet(frame);
        channel?._live(frame.version, frame.since, () => channel._memberIds(frame.memberIds), true);
        break;
      case "presence": {
        const { userId, lastSeenAt } = frame;
        const online = frame.status === "online";
        channel?._touch();
        // It comes once for each channel that is shared.
        if (this._people[userId]?.online === online) break;
        this._people = { ...this._people, [userId]: { online, lastSeenAt } };
        this._emit("presence.changed", { userId, online, lastSeenAt });
        break;
      }
      case "announcement":
        this._emit(frame.type, frame);
        break;
      case "typing":
        channel?._typing(frame);
        break;
      case "typing_stopped":
        channel?._stopped(frame.userId);
        break;
      case "read":
        channel?._marked(frame);
        break;
      case "message":
      case "message_updated":
      case "message_deleted": {
        if (!channel) break;
        // One's own counts as its ack at once, whatever its turn is.
        if (this._sender._items.has(frame.data.clientId) && frame.data.senderId === this._me) this._took(channel, frame.data);
        channel._live(frame.data.version, frame.since, () => this._took(channel, frame.data));
      }
    }
    this._syncer._pump();
  }

  private _refused(error: Frame<"error">): void {
    const { code, message, retryable, retryAfterMs } = error;
    if (this._sender._items.has(error.clientId!)) return this._sender._refused(error);
    if (this._syncer._refused(error)) return;
    // The `ref` of a read mark is its channel.
    const channel = this._channels.get(error.ref as string);
    if (retryable && channel?._joined) channel._mark(retryAfterMs ?? Limit.MarkAgain);
    else this._emit("error", new TenfourError(code, message, retryable, undefined, retryAfterMs));
  }

  private _add(info: WireChannel): void {
    const channel = this.channel(info.id);
    channel._hello(info, this._epoch);
    this._emit("channel.added", channel._summary());
  }

  private _remove(channel: Channel): void {
    if (!channel._joined) return;
    channel._removed();
    this._emit("channel.removed", { channelId: channel.id });
  }

  private async _ask(...call: Parameters<Rest["_call"]>): Promise<Channel> {
    return this._known(await this.request(...call));
  }

  private _known(info: WireChannel): Channel {
    const channel = this.channel(info.id);
    if (!channel._joined && info.role) this._add(info);
    return channel;
  }

  private _meet({ memberIds, online }: Pick<WireChannel, "memberIds" | "online">, before = this._people): void {
    this._people = { ...this._people };
    for (const id of memberIds) {
      this._people[id] = { online: online.includes(id), lastSeenAt: before[id]?.lastSeenAt ?? null };
    }
    this._touch();
  }

  private async _until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const { state, reason } = this._line._now;
      if (this._closed) throw new TenfourError("closed");
      // Stopped, and not just waiting to be started.
      if (state === "disconnected" && reason) throw reason;
      await new Promise<unknown>((done) => this.on("change" as keyof Events, done, { once: true } as object));
    }
  }
}
