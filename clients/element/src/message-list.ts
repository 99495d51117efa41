/**
 * The messages of one channel: rows in a window that scrolls, dividers, jumps, loading what is older, marking what was seen.
 *
 * Used by the conversation, which gives it each new state of the channel. What is to be done with a message goes back there.
 */
import type { Channel, ChannelSnapshot, ChatMessage } from "@tenfour/client";
import { attr, h, show, text } from "./dom.ts";
import { firstUnread, place, receipt } from "./grouping.ts";
import { History, lacking, LARGEST_PAGE } from "./history.ts";
import { Jumps } from "./jumps.ts";
import { actOf, movedTo } from "./message-keys.ts";
import { Row } from "./message-row.ts";
import type { RowState } from "./message-row.ts";
import { Scroller } from "./scroller.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

export interface ListHooks {
  _act(act: string, message: ChatMessage): void;
  _toComposer(): void;
  _say(text: string): void;
}

/** So much is held at least; more only while somebody looks at it. */
const KEEP = 300;

export class MessageList {
  private readonly _feed = h("div", { class: "feed", role: "feed", tabindex: -1 });
  private readonly _view = h("div", { class: "scroller", part: "messages" }, this._feed);
  private readonly _empty = h("div", { class: "nothing", hidden: true });
  private readonly _loading = h("div", { class: "loading", hidden: true }, h("span", { class: "spinner" }), h("span", { class: "sr" }));
  private readonly _trouble = h("div", { class: "load-trouble", hidden: true });
  readonly _root = h("div", { class: "messages" }, this._view, this._empty, this._loading, this._trouble);
  private readonly _jumps: Jumps;
  private readonly _scroller: Scroller<Row>;
  private _channel: Channel | null = null;
  private _shot: ChannelSnapshot | null = null;
  private _messages: readonly ChatMessage[] = [];
  private _byId = new Map<string, number>();
  /** What was unread began above this mark; null if nothing is. */
  private _mark: number | null = null;
  private _unreadAtMark = 0;
  private _divider = -1;
  private _seenDivider = false;
  private _lastOwn = -1;
  private _current: string | null = null;
  private _opened = false;
  private _synced = false;
  private readonly _history = new History(() => show(this._trouble, this._shot?.joined === true));
  private _today = "";

  constructor(
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _hooks: ListHooks,
  ) {
    this._scroller = new Scroller(this._view, this._feed, {
      _estimate: (index) => this._estimate(index),
      _row: (index, was) => this._row(index, was),
      _rootOf: (row) => row._root,
      _moved: () => this._moved(),
    });
    text(this._loading.lastElementChild!, _strings.loading);
    const retry = h("button", { type: "button", class: "link", onclick: () => this._history._older() }, _strings.retry);
    this._trouble.append(h("span", {}, _strings.loadFailed), retry);
    const down = () => {
      this._scroller._toEnd();
      this._hooks._toComposer();
    };
    this._jumps = new Jumps(_strings, () => this._toFirstUnread(), down);
    this._root.append(this._jumps._up, this._jumps._down);
    this._feed.addEventListener("click", (event) => this._onClick(event));
    this._feed.addEventListener("keydown", (event) => this._onKey(event));
    this._feed.addEventListener("focusin", (event) => this._onFocus(event));
    this._feed.addEventListener("pointerover", (event) => this._rowOf(event)?._withTools());
  }

  _start(): void {
    this._scroller._start();
  }

  _stop(): void {
    this._scroller._stop();
    this._history._open(null);
    this._channel = null;
  }

  /** Shows another channel. */
  _open(channel: Channel): void {
    this._channel = channel;
    this._shot = null;
    this._messages = [];
    this._mark = null;
    this._divider = -1;
    this._current = null;
    this._opened = this._seenDivider = false;
    this._scroller._reset();
    this._history._open(channel);
    this._history._first(channel.getSnapshot());
    this._update(channel.getSnapshot());
  }

  _name(name: string): void {
    attr(this._feed, "aria-label", this._strings.messagesIn(name));
  }

  /** `synced`: these are the newest there are. `whole`: also what has come above while something is looked for. */
  _update(shot: ChannelSnapshot, synced = this._synced, whole = false): void {
    const before = this._shot;
    this._synced = synced;
    // A page that waits for the connection is not loading yet; and what is empty here may not be so on the server.
    show(this._loading, shot.isLoading && synced);
    show(this._empty, shot.messages.length === 0 && !shot.hasOlder && !shot.isLoading && shot.joined && synced);
    text(this._empty, shot.lastSeq > 0 ? this._strings.noMessagesLeft : this._strings.noMessages);
    const today = new Date().toDateString();
    // At midnight "today" is another day.
    if (shot === before && today === this._today) return;
    this._today = today;
    attr(this._feed, "aria-busy", shot.isLoading);
    if (this._history._busy && !whole) return;
    this._shot = shot;
    const { messages } = shot;
    if (messages !== this._messages) this._take(messages);
    show(this._trouble, this._history._failed && !shot.isLoading && shot.joined);

    if (before && !before.joined && shot.joined) this._history._failed = false;
    if (!this._opened) {
      if (shot.joined && (this._history._failed || lacking(shot) === 0)) this._first(shot);
      else if (shot.joined && !shot.isLoading) this._history._first(shot);
    } else if (this._mark === null && shot.unread > (before?.unread ?? 0) && !this._looking()) this._setMark(shot);
    this._divider = this._mark === null ? -1 : firstUnread(messages, this._mark);

    if (messages !== before?.messages) this._scroller._setItems(messages.map(({ key }) => key));
    else this._scroller._refresh();
  }

  /** One's own message goes out: what is new was seen, and the end is of interest. */
  _sent(): void {
    this._history._busy = false;
    this._mark = null;
    this._divider = -1;
    if (this._channel) this._update(this._channel.getSnapshot());
    this._scroller._toEnd();
  }

  /** The newest of one's own. While that is not stored there is none: an older one would not be what is meant. */
  _lastChangeable(): ChatMessage | undefined {
    const last = this._messages.findLast(({ mine, deletedAt }) => mine && !deletedAt);
    return last?.status === "sent" ? last : undefined;
  }

  _focus(): void {
    const key = this._current ?? this._messages.at(-1)?.key;
    if (key !== undefined) this._focusRow(this._scroller._virtual._index(key));
  }

  /** Puts the focus on a message again, such as after it was asked whether to delete it. */
  _focusOn(message: ChatMessage): void {
    this._focusRow(this._scroller._virtual._index(message.key));
  }

  /** Tries again what has failed, such as with a new connection. */
  _again(): void {
    if (this._history._failed) this._history._older();
  }

  /** What is on the screen was seen by somebody, as far as a page can know. */
  _seen(): void {
    const { _channel: channel, _shot: shot } = this;
    if (!channel || !shot?.joined || !this._opened || !this._looking()) return;
    if (this._scroller._atEnd) return channel.markRead();
    const seq = this._lastVisible();
    if (seq > shot.lastReadSeq) channel.markRead(seq);
  }

  private _take(messages: readonly ChatMessage[]): void {
    this._messages = messages;
    this._byId.clear();
    this._lastOwn = -1;
    for (let i = 0; i < messages.length; i++) {
      const { id, mine, status, deletedAt } = messages[i]!;
      if (id) this._byId.set(id, i);
      if (mine && status === "sent" && !deletedAt) this._lastOwn = i;
    }
  }

  /** The first page is there: it opens where reading goes on. */
  private _first(shot: ChannelSnapshot): void {
    this._opened = true;
    if (shot.unread === 0) return;
    this._setMark(shot);
    const at = firstUnread(shot.messages, this._mark!);
    const complete = !shot.hasOlder || shot.messages[0]!.seq <= this._mark! + 1;
    if (at < 0 || !complete) return;
    this._divider = at;
    this._scroller._virtual._setItems(shot.messages.map(({ key }) => key), (index) => this._estimate(index));
    this._scroller._toRow(at, 24);
  }

  private _setMark(shot: ChannelSnapshot): void {
    this._mark = shot.lastReadSeq;
    this._unreadAtMark = shot.unread;
    this._seenDivider = false;
  }

  private _looking(): boolean {
    return document.visibilityState === "visible" && this._view.clientHeight > 0;
  }

  private _estimate(index: number): number {
    const { content } = this._messages[index]!;
    const perLine = Math.max(16, (this._view.clientWidth || 600) / 14);
    return 16 + 21 * Math.min(60, Math.ceil(content.length / perLine) || 1);
  }

  private _row(index: number, was: Row | undefined): Row {
    const messages = this._messages;
    const message = messages[index]!;
    const shot = this._shot!;
    const row = was ?? new Row(message.key, this._strings, this._times);
    const unread = index === this._divider;
    const where = place(messages[index - 1], message, messages[index + 1], unread, index + 1 === this._divider);
    const how = message.mine ? receipt(message, shot) : null;
    const quoted = message.replyToId ? this._byId.get(message.replyToId) : undefined;
    const group = shot.type === "group";
    const state: RowState = {
      ...where,
      message,
      unread,
      group,
      quote: !message.replyToId ? undefined : quoted === undefined ? null : messages[quoted]!,
      receipt: how?.state ?? null,
      readers: group && index === this._lastOwn ? (how?.readers ?? 0) : 0,
      canEdit: message.mine && shot.joined,
      canDelete: (message.mine || (group && (shot.role === "admin" || shot.role === "owner"))) && shot.joined,
      dayText: where.day ? this._times._dayOf(message.createdAt) : "",
    };
    row._update(state);
    attr(row._root, "aria-posinset", index + 1);
    attr(row._root, "aria-setsize", shot.hasOlder ? -1 : messages.length);
    row._setCurrent((this._current ?? messages.at(-1)?.key) === message.key);
    return row;
  }

  private _moved(): void {
    const shot = this._shot;
    if (!shot) return;
    const scroller = this._scroller;
    const { scrollTop, clientHeight } = this._view;
    if (scrollTop < clientHeight * 1.5 && shot.hasOlder && this._opened && !this._history._failed) this._history._older();
    if (scroller._atEnd && this._messages.length > KEEP * 2 && !this._history._busy) this._channel?.trim(KEEP);
    // The list itself takes the focus while the row that had it is not there.
    const current = this._current ?? this._messages.at(-1)?.key;
    attr(this._feed, "tabindex", current === undefined || scroller._rows.has(current) ? -1 : 0);
    this._jumps._update(scroller._atEnd, scroller._atEnd ? 0 : shot.unread, this._unseenAbove(shot));
    this._seen();
  }

  /** How many were unread, as long as none of them was seen. */
  private _unseenAbove(shot: ChannelSnapshot): number {
    if (this._mark === null || this._seenDivider || !this._opened) return 0;
    const missing = this._divider < 0 || (shot.hasOlder && this._messages[0]!.seq > this._mark + 1);
    const { top, bottom } = this._scroller._positionOf(Math.max(0, this._divider));
    if (!missing && top >= 0 && top < this._view.clientHeight && this._looking()) this._seenDivider = true;
    return missing || bottom < 0 ? this._unreadAtMark : 0;
  }

  private _toFirstUnread(): void {
    const mark = this._mark;
    if (mark === null) return;
    void this._find(
      (messages) => (messages[0]?.seq ?? 0) <= mark + 1,
      () => {
        if (this._divider < 0) return;
        this._scroller._toRow(this._divider, 24);
        this._focusRow(this._divider);
      },
    );
  }

  private _toMessage(id: string): void {
    const known = this._byId.has(id);
    void this._find(
      // It is looked for in what has just come.
      (messages) => known || messages.slice(0, LARGEST_PAGE).some((message) => message.id === id),
      (found) => {
        const index = this._byId.get(id);
        if (!found || index === undefined) return this._hooks._say(this._strings.originalMissing);
        this._scroller._toRow(index, "middle");
        this._focusRow(index);
        this._scroller._rows.get(this._messages[index]!.key)?._flash();
      },
    );
  }

  /** What comes on the way is not shown page by page, and nothing is let go of before it was gone to. */
  private _find(holds: (messages: readonly ChatMessage[]) => boolean, go: (found: boolean) => void): Promise<void> {
    return this._history._find(holds, (found) => {
      if (this._channel) this._update(this._channel.getSnapshot(), this._synced, true);
      go(found);
    });
  }

  private _lastVisible(): number {
    const { clientHeight } = this._view;
    const virtual = this._scroller._virtual;
    let index = virtual._at(this._view.scrollTop + clientHeight - 16);
    while (index > 0 && this._scroller._positionOf(index).bottom > clientHeight + 4 && this._scroller._positionOf(index).top > 0) index--;
    for (; index >= 0; index--) {
      const seq = this._messages[index]?.seq ?? 0;
      if (seq > 0) return seq;
    }
    return 0;
  }

  private _focusRow(index: number): void {
    const message = this._messages[index];
    if (!message) return;
    const before = this._current ?? this._messages.at(-1)?.key;
    this._current = message.key;
    this._scroller._reveal(index);
    if (before !== undefined) this._scroller._rows.get(before)?._setCurrent(before === message.key);
    const row = this._scroller._rows.get(message.key);
    row?._setCurrent(true);
    row?._withTools();
    row?._root.focus({ preventScroll: true });
  }

  private _rowOf(event: Event): Row | undefined {
    const root = (event.target as Element).closest<HTMLElement>(".row");
    return root ? this._scroller._rows.get(root.dataset["key"]!) : undefined;
  }

  private _onFocus(event: FocusEvent): void {
    const row = this._rowOf(event);
    if (!row) return;
    row._withTools();
    if (this._current === row._key) return;
    this._scroller._rows.get(this._current ?? this._messages.at(-1)?.key ?? "")?._setCurrent(false);
    this._current = row._key;
    row._setCurrent(true);
  }

  private _onClick(event: Event): void {
    const act = (event.target as Element).closest<HTMLElement>("[data-act]")?.dataset["act"];
    const message = this._rowOf(event)?._state?.message;
    if (!act || !message) return;
    if (act === "jump") this._toMessage(message.replyToId!);
    else this._hooks._act(act, message);
  }

  private _onKey(event: KeyboardEvent): void {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape") {
      event.preventDefault();
      return this._hooks._toComposer();
    }
    const row = this._rowOf(event);
    const index = row ? this._scroller._virtual._index(row._key) : this._scroller._virtual._at(this._view.scrollTop);
    const count = this._messages.length;
    const to = movedTo(key, index, count);
    if (to !== null) {
      event.preventDefault();
      if (to < count) this._focusRow(to);
      else this._hooks._toComposer();
      return;
    }
    if (!row?._state || event.target !== row._root) return;
    const act = actOf(key, row._state);
    if (!act) return;
    event.preventDefault();
    this._hooks._act(act, row._state.message);
  }
}
