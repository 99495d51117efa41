/**
 * The messages of one channel: rows in a window that scrolls, dividers, jumps, loading what is older, marking what was seen.
 *
 * Used by the conversation, which gives it each new state of the channel. What is to be done with a message goes back there.
 */
import type { Channel, ChannelSnapshot, ChatMessage } from "@tenfour/client";
import { heightOf } from "./attached.ts";
import { attr, h, show, text } from "./dom.ts";
import type { Files } from "./files.ts";
import { firstUnread } from "./grouping.ts";
import { History, lacking, LARGEST_PAGE, withoutOlder } from "./history.ts";
import { Jumps } from "./jumps.ts";
import { actOf, movedTo } from "./message-keys.ts";
import { Row } from "./message-row.ts";
import type { RowHooks } from "./message-row.ts";
import { People } from "./people.ts";
import { Reading } from "./reading.ts";
import { stateOf } from "./row-state.ts";
import { Scroller } from "./scroller.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

export interface ListHooks extends RowHooks {
  _act(act: string, message: ChatMessage): void;
  _toComposer(): void;
  _me(): string;
}

/** So much is held at least; more only while somebody looks at it. */
const KEEP = 300;
/** And so much while nobody looks: what came meanwhile is wanted afterwards. */
const KEEP_UNSEEN = 3_000;

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
  private readonly _reading = new Reading();
  private _divider = -1;
  private _lastOwn = -1;
  /** Of the rows that were made last. */
  _people: People | null = null;
  private _current: string | null = null;
  /** To be gone to once it has opened. */
  private _target: (() => void) | null = null;
  private _opened = false;
  private _synced = false;
  private readonly _history = new History(() => show(this._trouble, this._shot?.joined === true));
  private _today = "";

  constructor(
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _files: Files,
    private readonly _hooks: ListHooks,
  ) {
    this._scroller = new Scroller(this._view, this._feed, {
      _estimate: (index) => this._estimate(index),
      _row: (index, was) => this._row(index, was),
      _rootOf: (row) => row._root,
      _moved: () => this._moved(),
    });
    text(this._loading.lastElementChild!, _strings.loading);
    const retry = h("button", { class: "link", onclick: () => this._history._older() }, _strings.retry);
    this._trouble.append(h("span", {}, _strings.loadFailed), retry);
    const down = () => {
      this._reading._skip();
      this._scroller._toEnd();
      this._hooks._toComposer();
    };
    this._jumps = new Jumps(_strings, () => this._toFirstUnread(), down);
    this._root.append(this._jumps._up, this._jumps._down);
    this._feed.addEventListener("click", (event) => this._onClick(event));
    this._feed.addEventListener("keydown", (event) => this._onKey(event));
    this._feed.addEventListener("focusin", (event) => this._onFocus(event));
    this._feed.addEventListener("pointerover", (event) => this._rowOf(event)?._withTools());
    const handled = () => {
      this._reading._skip();
      this._seen();
    };
    for (const type of ["wheel", "touchmove", "pointerdown", "keydown"]) this._view.addEventListener(type, handled, { passive: true });
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
    this._reading._open();
    this._divider = -1;
    this._current = this._target = null;
    this._opened = false;
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
    const unseen = !this._reading._watched || !synced || !this._looking();
    this._synced = synced;
    // A page that waits for the connection is not loading yet; and what is empty here may not be so on the server.
    show(this._loading, shot.isLoading && synced);
    show(this._empty, shot.messages.length === 0 && !shot.hasOlder && !shot.isLoading && shot.joined && synced);
    text(this._empty, shot.lastSeq > 0 ? this._strings.noMessagesLeft : this._strings.noMessages);
    const today = new Date().toDateString();
    // At midnight "today" is another day.
    if (shot === before && today === this._today && !whole) return this._look();
    this._today = today;
    attr(this._feed, "aria-busy", shot.isLoading);
    // A feed without an article is none.
    attr(this._feed, "role", shot.messages.length > 0 ? "feed" : "group");
    this._shot = shot;
    const was = this._messages;
    const messages = this._history._busy && !whole ? withoutOlder(shot.messages, was) : shot.messages;
    if (messages !== was) this._take(messages);
    show(this._trouble, this._history._failed && !shot.isLoading && shot.joined);

    if (before && !before.joined && shot.joined) this._history._failed = false;
    if (!this._opened) {
      // The first page is there: it opens where reading goes on.
      if (shot.joined && (this._history._failed || lacking(shot) === 0)) {
        this._opened = true;
        if (shot.unread > 0) this._reading._begin(shot);
      } else if (shot.joined && !shot.isLoading) this._history._first(shot);
    } else if (before && unseen) this._reading._away(before, shot);
    const mark = this._reading._mark;
    this._divider = mark === null ? -1 : firstUnread(messages, mark);

    if (messages !== was) this._scroller._setItems(messages.map(({ key }) => key));
    else this._scroller._refresh();
    const go = this._opened && !this._history._busy ? this._target : null;
    if (go) {
      // Before anything else is on the screen: what the reader does not get to see was not read.
      this._target = null;
      this._reading._due = false;
      go();
    } else if (this._looking()) this._goOn();
    this._look();
  }

  /** Shows a message of this channel, and loads all from there on. */
  _goTo(id: string, seq: number): void {
    this._target = () => this._toMessage(id, seq);
    if (this._shot) this._update(this._shot, this._synced, true);
  }

  /** One's own message goes out: what is new was seen, and the end is of interest. */
  _sent(): void {
    this._history._busy = false;
    this._reading._done();
    if (this._channel) this._update(this._channel.getSnapshot(), this._synced, true);
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

  /** Finds out whether somebody looks now. What has come before that was not seen, and is gone to first. */
  private _look(): void {
    const watched = this._opened && this._synced && this._looking();
    if (watched && !this._reading._watched) this._goOn();
    this._reading._look(watched);
    this._seen();
  }

  /** To where reading goes on, unless something else is read. */
  private _goOn(): void {
    const reading = this._reading;
    if (!reading._due || this._divider < 0 || reading._lacks(this._shot!)) return;
    reading._due = false;
    if (!this._scroller._atEnd) return;
    this._scroller._toRow(this._divider, 24);
    // There is room for all of it, and more may come.
    reading._due = !reading._watched && this._scroller._atEnd;
  }

  /** What is on the screen was seen by somebody, as far as a page can know. While something is looked for it is not. */
  private _seen(): void {
    const { _channel: channel, _shot: shot } = this;
    if (!channel || !shot?.joined || this._history._busy || !this._reading._counts(shot)) return;
    const seq = this._scroller._atEnd ? this._storedAt(this._messages.length - 1) : this._lastVisible();
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

  private _looking(): boolean {
    return document.visibilityState === "visible" && this._view.clientHeight > 0;
  }

  private _estimate(index: number): number {
    const message = this._messages[index]!;
    const perLine = Math.max(16, (this._view.clientWidth || 600) / 14);
    return heightOf(message) + 16 + 21 * Math.min(60, Math.ceil(message.content.length / perLine) || 1);
  }

  private _row(index: number, was: Row | undefined): Row {
    const messages = this._messages;
    const message = messages[index]!;
    const shot = this._shot!;
    const row = was ?? new Row(message.key, this._strings, this._times, this._files, this._hooks);
    const people = (this._people = People._of(this._people, this._hooks._me(), shot, messages));
    const around = { messages, index, divider: this._divider, lastOwn: this._lastOwn, byId: this._byId, people };
    row._update(stateOf(around, shot, this._times));
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
    const keep = this._reading._watched ? KEEP : KEEP_UNSEEN;
    if (scroller._atEnd && this._messages.length > keep * 2 && !this._history._busy) this._channel?.trim(keep);
    this._look();
    // The list itself takes the focus while the row that had it is not there.
    const current = this._current ?? this._messages.at(-1)?.key;
    attr(this._feed, "tabindex", current === undefined || scroller._rows.has(current) ? -1 : 0);
    this._jumps._update(scroller._atEnd, scroller._atEnd ? 0 : shot.unread, this._unseenAbove(shot));
  }

  /** How many were unread, as long as none of them was seen. */
  private _unseenAbove(shot: ChannelSnapshot): number {
    const reading = this._reading;
    if (reading._mark === null || reading._met || !this._opened) return 0;
    const missing = this._divider < 0 || reading._lacks(shot);
    const { top, bottom } = this._scroller._positionOf(Math.max(0, this._divider));
    if (!missing && top >= 0 && top < this._view.clientHeight && reading._watched) reading._met = true;
    return missing || bottom < 0 ? reading._unread : 0;
  }

  private _toFirstUnread(): void {
    const mark = this._reading._mark;
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

  /** `seq` where it is known. */
  private _toMessage(id: string, seq?: number): void {
    const known = this._byId.has(id);
    void this._find(
      // It is looked for in what has just come.
      (messages) => known || (seq !== undefined && (messages[0]?.seq || Infinity) <= seq) || messages.slice(0, LARGEST_PAGE).some((message) => message.id === id),
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
    return this._storedAt(index);
  }

  /** The `seq` of this message, or of the last one before it that has one. */
  private _storedAt(index: number): number {
    while (index > 0 && !this._messages[index]?.seq) index--;
    return this._messages[index]?.seq ?? 0;
  }

  private _focusRow(index: number): void {
    const message = this._messages[index];
    if (!message) return;
    const before = this._current ?? this._messages.at(-1)?.key ?? "";
    this._current = message.key;
    this._scroller._reveal(index);
    this._scroller._rows.get(before)?._setCurrent(before === message.key);
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
