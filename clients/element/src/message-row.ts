/**
 * One message: bubble, quote, text with links, time, ticks, and what can be done with it.
 *
 * Made, updated and dropped by the message list, which also listens to its buttons (`data-act`). What comes from people goes
 * in as text nodes only.
 */
import type { ChatMessage } from "@tenfour/client";
import { Avatar } from "./avatar.ts";
import { attr, h, show, text } from "./dom.ts";
import type { Place, Receipt } from "./grouping.ts";
import { icon } from "./icons.ts";
import type { Icon } from "./icons.ts";
import { pieces } from "./links.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

/** All that a row shows. Compared field by field: a row that stays the same is not touched. */
export interface RowState extends Place {
  readonly message: ChatMessage;
  /** The message that it answers; null if that is not held, undefined if there is none. */
  readonly quote: ChatMessage | null | undefined;
  readonly unread: boolean;
  readonly group: boolean;
  readonly receipt: Receipt["state"] | null;
  /** "Read by" stands below it. */
  readonly readers: number;
  readonly canEdit: boolean;
  readonly canDelete: boolean;
  readonly dayText: string;
}

const TICKS: Record<Receipt["state"], Icon> = { queued: "clock", sending: "clock", failed: "alert", sent: "tick", read: "ticks" };
let rows = 0;

export class Row {
  private readonly _id = `m${++rows}`;
  private readonly _day = h("div", { class: "day", part: "day-divider", role: "separator", hidden: true });
  private readonly _unread = h("div", { class: "unread", part: "unread-divider", role: "separator", hidden: true });
  private readonly _avatar = new Avatar();
  private readonly _sender = h("bdi", { class: "sender" });
  private readonly _text = h("span", { class: "text", id: this._id });
  private readonly _edited = h("span", { class: "edited" });
  private readonly _time = h("time");
  private readonly _tick = h("span", { class: "tick" });
  private readonly _meta = h("span", { class: "meta" }, this._edited, this._time, this._tick);
  private readonly _body = h("div", { class: "body", dir: "auto" }, this._text, this._meta);
  private readonly _bubble = h("div", { class: "bubble", part: "bubble" }, this._sender, this._body);
  private readonly _line = h("div", { class: "line" }, this._avatar._root, this._bubble);
  readonly _root = h("div", { class: "row", role: "article", "aria-describedby": this._id, tabindex: -1, part: "message" });
  private _below: HTMLElement | null = null;
  private _quote: HTMLElement | null = null;
  private _tools: HTMLElement | null = null;
  _state: RowState | null = null;
  private _current = false;

  constructor(
    readonly _key: string,
    private readonly _strings: Strings,
    private readonly _times: Times,
  ) {
    this._root.dataset["key"] = _key;
    this._root.append(this._day, this._unread, this._line);
  }

  _update(state: RowState): void {
    const was = this._state;
    if (was && (Object.keys(state) as (keyof RowState)[]).every((name) => was[name] === state[name])) return;
    this._state = state;
    const { message } = state;
    const strings = this._strings;
    const deleted = message.deletedAt !== null && message.deletedAt !== undefined;
    const { classList } = this._root;
    const classes = {
      own: message.mine,
      first: state.first,
      last: state.last,
      deleted,
      pending: message.status === "queued" || message.status === "sending",
      failed: message.status === "failed",
      grouped: state.group && !message.mine,
    };
    for (const [name, on] of Object.entries(classes)) classList.toggle(name, on);
    attr(this._bubble, "part", message.mine ? "bubble bubble-own" : "bubble bubble-other");

    show(this._day, state.day);
    this._day.replaceChildren(h("span", {}, state.dayText));
    show(this._unread, state.unread);
    this._unread.replaceChildren(h("span", {}, strings.newMessages));

    show(this._avatar._root, state.group && !message.mine);
    this._avatar._update(message.senderId, message.senderName, false, null);
    show(this._sender, state.group && !message.mine && state.first);
    text(this._sender, message.senderName);
    this._sender.style.setProperty("--_hue", this._avatar._root.style.getPropertyValue("--_hue"));

    if (!was || was.message.content !== message.content || was.message.deletedAt !== message.deletedAt) this._write(message, deleted);
    this._quoted(state, deleted);
    this._metaOf(state, deleted);
    this._belowOf(state);
    this._setCurrent(this._current);
    // They are made anew where they are needed, with what may be done now.
    const inUse = this._root.matches(":hover, :focus-within");
    this._tools?.remove();
    this._tools = null;
    if (inUse) this._withTools();
  }

  /** The buttons are made once the row is pointed at or focused: thousands of rows need none. */
  _withTools(): void {
    const state = this._state;
    if (this._tools || !state || state.message.status !== "sent" || state.message.deletedAt) return;
    const button = (act: string, label: string, picture: Icon) =>
      h("button", { type: "button", class: "tool", "data-act": act, "aria-label": label, title: label }, icon(picture));
    this._tools = h(
      "div",
      { class: "tools", part: "actions", role: "toolbar", "aria-label": this._strings.actions },
      button("reply", this._strings.reply, "reply"),
      state.canEdit && button("edit", this._strings.edit, "edit"),
      state.canDelete && button("delete", this._strings.delete, "trash"),
    );
    this._bubble.append(this._tools);
  }

  /** The one row that Tab leads to, and whose links and quote it leads on to. */
  _setCurrent(on: boolean): void {
    this._current = on;
    attr(this._root, "tabindex", on ? 0 : -1);
    for (const inner of this._bubble.querySelectorAll("a, .quote")) attr(inner, "tabindex", on ? 0 : -1);
  }

  /** Shows where a jump has ended. */
  _flash(): void {
    this._root.classList.remove("flash");
    // So that the animation begins again.
    void this._root.offsetWidth;
    this._root.classList.add("flash");
    setTimeout(() => this._root.classList.remove("flash"), 2_000);
  }

  private _write(message: ChatMessage, deleted: boolean): void {
    if (deleted) return this._text.replaceChildren(this._strings.deleted);
    this._text.replaceChildren(
      ...pieces(message.content).map(({ text, href }) =>
        href ? h("a", { href, target: "_blank", rel: "noopener noreferrer", tabindex: -1 }, text) : text,
      ),
    );
  }

  private _quoted({ quote }: RowState, deleted: boolean): void {
    if (quote === undefined || deleted) {
      this._quote?.remove();
      this._quote = null;
      return;
    }
    if (!this._quote) {
      this._quote = h("button", { type: "button", class: "quote", part: "quote", "data-act": "jump", tabindex: -1 });
      this._bubble.insertBefore(this._quote, this._body);
    }
    const strings = this._strings;
    const name = quote ? (quote.mine ? strings.you : quote.senderName) : strings.originalMessage;
    const said = !quote ? strings.jumpToOriginal : quote.deletedAt ? strings.deleted : short(quote.content);
    attr(this._quote, "title", strings.jumpToOriginal);
    this._quote.replaceChildren(h("bdi", { class: "quote-name" }, name), h("span", { class: "quote-text", dir: "auto" }, said));
  }

  private _metaOf({ message, time, receipt, last }: RowState, deleted: boolean): void {
    const strings = this._strings;
    const edited = !deleted && message.updatedAt ? strings.edited : "";
    show(this._edited, edited !== "");
    text(this._edited, edited);
    const unsettled = receipt !== null && receipt !== "sent" && receipt !== "read";
    show(this._time, time || edited !== "");
    text(this._time, this._times._time(message.createdAt));
    attr(this._time, "datetime", message.createdAt);
    attr(this._time, "title", this._times._exact(message.createdAt));
    const showTick = receipt !== null && !deleted && (unsettled || time || last);
    show(this._tick, showTick);
    if (showTick) {
      this._tick.className = `tick ${receipt}`;
      attr(this._tick, "title", strings[receipt]);
      this._tick.replaceChildren(icon(TICKS[receipt]), h("span", { class: "sr" }, strings[receipt]));
    }
    show(this._meta, time || showTick || edited !== "");
    const who = message.mine ? strings.you : message.senderName;
    const parts = [who, this._times._time(message.createdAt), edited, receipt ? strings[receipt] : ""];
    attr(this._root, "aria-label", parts.filter(Boolean).join(", "));
  }

  private _belowOf({ message, readers }: RowState): void {
    this._below?.remove();
    this._below = null;
    const strings = this._strings;
    if (message.status === "failed") {
      const { code = "", message: why = "" } = message.error ?? {};
      const button = (act: string, label: string) => h("button", { type: "button", class: "link", "data-act": act }, label);
      this._below = h(
        "div",
        { class: "below failure", part: "failure" },
        h("span", {}, strings.failedBecause(code, why)),
        button("retry", strings.retry),
        button("cancel", strings.cancel),
      );
    } else if (readers > 0) {
      this._below = h("div", { class: "below", part: "readers" }, strings.readBy(readers));
    }
    if (this._below) this._root.append(this._below);
  }
}

/** As much of a message as a quote or a list shows, on one line. */
export function short(content: string): string {
  return content.slice(0, 200).replace(/\s+/g, " ").trim();
}
