/**
 * One channel: what is held of it, and what the application does in it.
 *
 * Handed out by `TenfourClient.channel`. The client feeds it frames, pages and acks; the cursor decides when they count.
 * It shows immutable snapshots and never touches the socket or the store itself.
 */
import { quiet, timer } from "./backoff.ts";
import type { Timer } from "./backoff.ts";
import type { TenfourClient } from "./client.ts";
import { Cursor } from "./cursor.ts";
import type { SavedChannel } from "./store.ts";
import type {
  ChannelInfo,
  ChannelSnapshot,
  ChatMessage,
  Draft,
  Frame,
  Member,
  Role,
  Typer,
  WireChannel,
  WireMessage,
} from "./types.ts";
import { Window } from "./window.ts";
import { Limit } from "./limits.ts";

export class Channel {
  _joined = false;
  readonly _cursor = new Cursor();
  private readonly _window = new Window();
  private _info: WireChannel;
  /** Up to where `unread` counts: the server's count is of a version. */
  private _counted = 0;
  private _reads: Record<string, number> = {};
  private _members: readonly Member[] | null = null;
  private _typers = new Map<string, [Typer, Timer]>();
  /** When the others were last told that one types. */
  private _last = 0;
  private readonly _marking = timer();
  private _loading: Promise<void> | null = null;
  private _listeners = new Set<() => void>();
  private _infoView: ChannelInfo | null = null;
  private _view: ChannelSnapshot | null = null;
  private _messages: readonly ChatMessage[] = [];

  constructor(
    private readonly _client: TenfourClient,
    readonly id: string,
  ) {
    this._info = {
      id,
      type: "group",
      name: null,
      role: null,
      lastSeq: 0,
      version: 0,
      lastReadSeq: 0,
      unread: 0,
      memberIds: [],
      online: [],
    };
  }

  /** Immutable, and the same object until something changes; so are its messages, whatever else does. */
  getSnapshot(): ChannelSnapshot {
    if (this._view) return this._view;
    const waiting = this._client._sender._list.flatMap((item) =>
      item._entry.channelId === this.id ? (item._shown ??= this._client._pending(item)) : [],
    );
    const messages = [...this._window._list, ...waiting];
    const was = this._messages;
    if (was[messages.length] || messages.some((it, i) => it !== was[i])) this._messages = messages;
    return (this._view = {
      ...this._summary(),
      messages: this._messages,
      hasOlder: this._joined && this._window._from > 1,
      isLoading: this._loading !== null,
      reads: this._reads,
      members: this._members,
    });
  }

  /** Calls back after each change. */
  subscribe(callback: () => void): () => void {
    const listener = () => {
      if (this._listeners.has(listener)) callback();
    };
    this._listeners.add(listener);
    return () => {
      this._listeners.delete(listener);
      this._shrink();
    };
  }

  get messages(): readonly ChatMessage[] {
    return this.getSnapshot().messages;
  }

  get unread(): number {
    return this._summary().unread;
  }

  /** Shows the message at once; resolves when the server has stored it, which may be after many connections. */
  send(draft: Draft | string): Promise<ChatMessage> {
    this._last = 0;
    return quiet(this._client._sender._queue(this.id, typeof draft === "string" ? { content: draft } : draft));
  }

  /** Sends a failed message again, after all that waits. */
  retry(clientId: string): Promise<ChatMessage> {
    return quiet(this._client._sender._retry(clientId));
  }

  /** Takes back a message that is not under way. False if it is too late. */
  cancel(clientId: string): boolean {
    return this._client._sender._cancel(clientId);
  }

  edit(messageId: string, content: string): Promise<ChatMessage> {
    return this._change("PATCH", messageId, { content });
  }

  delete(messageId: string): Promise<ChatMessage> {
    return this._change("DELETE", messageId);
  }

  /** Loads a page of history above the oldest message that is held. One page at a time, whoever asks. */
  async loadOlder({ limit = 50 } = {}): Promise<void> {
    if (this._joined && this._window._from <= 1) return;
    this._loading ??= this._load(limit).finally(() => {
      this._loading = this._window._aside = null;
      this._touch();
    });
    this._touch();
    return this._loading;
  }

  /** Lets go of all but the newest; `loadOlder` brings them back. For who scrolls a long way up and down again. */
  trim(keep: number = Limit.Keep): void {
    this._window._trim(keep);
    this._touch();
  }

  /** Everything up to `seq` was read; by default up to the newest that is held, as nobody saw more. Never goes back. */
  markRead(seq = this._window._list.at(-1)?.seq): void {
    if (this._read(seq)) this._mark();
  }

  /** Call it with each keystroke: the others are told at most once in two seconds. */
  keystroke(): void {
    const now = Date.now();
    if (now - this._last < Limit.TypingEvery) return;
    if (this._client._line._send({ type: "typing", channelId: this.id })) this._last = now;
  }

  async loadMembers(): Promise<readonly Member[]> {
    const { members } = await this._call<{ members: Member[] }>("GET", "/members");
    this._members = members;
    for (const { id, lastReadSeq } of members) this._readBy(id, lastReadSeq);
    this._touch();
    return members;
  }

  rename(name: string): Promise<void> {
    return this._call("PATCH", "", { name });
  }

  addMembers(userIds: string[]): Promise<void> {
    return this._call("POST", "/members", { userIds });
  }

  removeMember(userId: string): Promise<void> {
    return this._member("DELETE", userId);
  }

  setRole(userId: string, role: Role): Promise<void> {
    return this._member("PATCH", userId, { role });
  }

  leave(): Promise<void> {
    return this.removeMember(this._client._me ?? "");
  }

  // What follows is called by the client alone.

  _hello(info: WireChannel, epoch: string): void {
    const known = this._cursor._epoch === epoch;
    if (this._joined && (known || this._window._list.length > 0)) {
      this._cursor._reconnected(info.version, epoch);
    } else {
      this._joined = true;
      this._cursor._start(info.version, epoch);
      this._window._reset(info.lastSeq + 1);
    }
    this._take(info, known);
    if (this._members) void quiet(this.loadMembers());
  }

  _restore({ info, epoch, version, from, messages }: SavedChannel): void {
    this._joined = true;
    this._cursor._start(version, epoch);
    this._window._reset(from);
    for (const message of messages) this._window._put(this._client._view(message));
    this._take(info, true);
  }

  _saved(): SavedChannel {
    const { _list: list, _from: from } = this._window;
    const { _epoch: epoch, _version: version } = this._cursor;
    const messages = list.slice(-Limit.Save);
    return { id: this.id, info: this._info, epoch, version, from: list.length > Limit.Save ? messages[0]!.seq : from, messages };
  }

  /** Something with a place in the channel's sequence; `info` where it is about the channel itself. */
  _live(version: number, since: number | null | undefined, apply: () => void, info = false): void {
    if (this._joined) this._cursor._live({ _version: version, _since: since ?? version, _info: info, _apply: apply });
  }

  _told(info: WireChannel): void {
    this._take({ ...info, lastSeq: Math.max(info.lastSeq, this._info.lastSeq) }, true);
    this._client._emit("channel.updated", this._summary());
  }

  _memberIds(memberIds: string[]): void {
    this._info.memberIds = memberIds;
    if (this._members) void quiet(this.loadMembers());
    this._touch();
    this._client._emit("members.changed", { channelId: this.id, memberIds });
  }

  _marked({ channelId, userId, seq, at }: Frame<"read">): void {
    if (userId === this._client._me) this._read(seq);
    else this._readBy(userId, seq);
    this._touch();
    this._client._emit("read.updated", { channelId, userId, seq, at });
  }

  /** True if it brought something. */
  _page(page: Frame<"sync">, asked: number): boolean {
    const moved = this._cursor._page(page, asked, this._client._epoch, (after, reset) => {
      if (reset) {
        // The newest page, by `seq`; where it is empty there is nothing.
        this._window._reset(Math.min(...(page.messages[0] ? page.messages.map(({ seq }) => seq) : [1])));
        this._client._emit("sync.reset", { channelId: this.id });
      }
      for (const message of page.messages) if (message.version > after) this._client._took(this, message, reset);
      if (page.version > after) this._memberIds(page.memberIds);
    });
    this._touch();
    return moved;
  }

  /** Puts in a message that counts now. Says what it was here. */
  _put(message: ChatMessage): "new" | "updated" | null {
    const was = this._window._put(message);
    if (!was) return null;
    const info = this._info;
    // A name that was not known when the line came up.
    if (was === "new" && info.peer?.id === message.senderId) info.peer = { ...info.peer, name: message.senderName };
    info.lastSeq = Math.max(info.lastSeq, message.seq);
    if (!message.mine && message.version > this._counted && message.seq > info.lastReadSeq) {
      const more = Number(was === "new") - Number(!!message.deletedAt);
      info.unread = Math.max(0, info.unread + more);
    }
    this._shrink();
    this._touch();
    return was;
  }

  _removed(): void {
    this._joined = false;
    this._window._reset(1);
    this._offline();
    this._touch();
  }

  /** Nobody is known to type while the line is down. */
  _offline(): void {
    for (const userId of this._typers.keys()) this._stopped(userId);
    this._marking();
  }

  _summary(): ChannelInfo {
    if (this._infoView) return this._infoView;
    const { lastReadSeq } = this._info;
    // Where everything unread is held it is counted, whatever was added up.
    if (this._joined && !this._cursor._behind() && this._window._from <= lastReadSeq + 1) {
      this._info.unread = this._window._list.filter(({ seq, mine, deletedAt }) => seq > lastReadSeq && !mine && !deletedAt).length;
    }
    const { version: _v, peer = null, ...info } = this._info;
    return (this._infoView = {
      ...info,
      joined: this._joined,
      peer,
      online: info.memberIds.filter((id) => this._client._people[id]?.online),
      lastMessage: this._window._list.at(-1) ?? null,
      typing: [...this._typers.values()].map(([typer]) => typer),
    });
  }

  /** Something is not as it was. */
  _touch(): void {
    this._view = this._infoView = null;
    this._client._touch(this);
  }

  /** A callback that throws is told to the runtime, and harms nobody else. */
  _notify(): void {
    this._listeners.forEach(queueMicrotask);
  }

  private _call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this._client.request(method, `channels/${encodeURIComponent(this.id)}${path}`, body);
  }

  private _member(method: string, userId: string, body?: unknown): Promise<void> {
    return this._call(method, `/members/${encodeURIComponent(userId)}`, body);
  }

  private async _change(method: string, messageId: string, body?: unknown): Promise<ChatMessage> {
    const message = await this._client.request<WireMessage>(method, `messages/${encodeURIComponent(messageId)}`, body);
    this._client._took(this, message);
    return this._client._view(message);
  }

  private async _load(limit: number): Promise<void> {
    await this._client._ready(this);
    const before = this._window._from;
    this._window._aside = [];
    type Page = { messages: WireMessage[]; hasMore: boolean };
    const { messages, hasMore } = await this._call<Page>("GET", `/messages?before=${before}&limit=${limit}`);
    this._window._older(before, messages.map((message) => this._client._view(message)), hasMore);
  }

  /** `known`: it is of the history whose marks are held. */
  private _take(info: WireChannel, known: boolean): void {
    const mark = known ? Math.min(this._info.lastReadSeq, info.lastSeq) : 0;
    this._info = { ...info };
    this._counted = info.version;
    if (info.peer) this._readBy(info.peer.id, info.peer.lastReadSeq);
    // Read here, and not known there yet.
    if (this._read(mark)) this._mark();
    this._touch();
  }

  /** This user's own mark; true if it moved. */
  private _read(seq = 0): boolean {
    const { lastReadSeq, lastSeq, unread } = this._info;
    const mark = Math.min(seq, lastSeq);
    if (!this._joined || mark <= lastReadSeq) return false;
    this._info.lastReadSeq = mark;
    this._info.unread = mark === lastSeq ? 0 : Math.max(0, unread - (mark - lastReadSeq));
    this._touch();
    return true;
  }

  /** Tells the server how far this user has read. Marks that follow each other at once go out as one. */
  _mark(ms = Limit.MarkAfter): void {
    this._marking(ms, () => this._client._line._send({ type: "read", channelId: this.id, seq: this._info.lastReadSeq, ref: this.id }));
  }

  private _readBy(userId: string, seq: number): void {
    if (userId !== this._client._me && seq > (this._reads[userId] ?? 0)) this._reads = { ...this._reads, [userId]: seq };
  }

  _typing({ userId, name, expiresInMs }: Frame<"typing">): void {
    const known = this._typers.get(userId);
    const end = known?.[1] ?? timer();
    end(expiresInMs, () => this._stopped(userId));
    if (known || userId === this._client._me) return;
    this._typers.set(userId, [{ userId, name }, end]);
    this._touch();
    this._client._emit("typing.start", { channelId: this.id, userId, name });
  }

  _stopped(userId: string): void {
    this._typers.get(userId)?.[1]();
    if (!this._typers.delete(userId)) return;
    this._touch();
    this._client._emit("typing.stop", { channelId: this.id, userId });
  }

  /** What nobody looks at does not grow for ever. While pages are missing, what is held says what is new. */
  private _shrink(): void {
    if (this._listeners.size || this._loading || this._cursor._behind() || this._window._list.length < Limit.Shrink) return;
    this.trim();
  }
}
