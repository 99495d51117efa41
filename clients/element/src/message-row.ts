/**
 * One message: bubble, quote, text with links, time, ticks, and what can be done with it.
 *
 * Made, updated and dropped by the message list, which also listens to its buttons (`data-act`). What comes from people goes
 * in as text nodes only.
 */
import type { ChatMessage } from "@tenfour/client";
import { Asked } from "./asked.ts";
import type { AskedHooks } from "./asked.ts";
import { Attached, gist } from "./attached.ts";
import type { AttachedHooks } from "./attached.ts";
import { Avatar } from "./avatar.ts";
import { attr, focused, h, show, text } from "./dom.ts";
import type { Files } from "./files.ts";
import type { Place, Receipt } from "./grouping.ts";
import { icon } from "./icons.ts";
import type { Icon } from "./icons.ts";
import { pieces } from "./links.ts";
import type { People } from "./people.ts";
import { Reactions } from "./reactions.ts";
import type { ReactionHooks } from "./reactions.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

export type RowHooks = AttachedHooks & AskedHooks & ReactionHooks;

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
  /** What it said before may be looked at. */
  readonly canLook: boolean;
  /** It is stored, and one is in the channel: it may be answered and reacted to. */
  readonly live: boolean;
  readonly people: People;
  readonly dayText: string;
}

const TICKS: Record<Receipt["state"], Icon> = { queued: "clock", sending: "clock", failed: "alert", sent: "tick", read: "ticks" };
type Act = "reply" | "edit" | "delete" | "react";
const TOOLS: Record<Act, Icon> = { reply: "reply", edit: "edit", delete: "trash", react: "smile" };
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
  private readonly _named = h("span", { class: "naming", hidden: true }, "@");
  private readonly _meta = h("span", { class: "meta" }, this._named, this._edited, this._time, this._tick);
  private readonly _body = h("div", { class: "body", dir: "auto" }, this._text, this._meta);
  private readonly _bubble = h("div", { class: "bubble", part: "bubble" }, this._sender, this._body);
  private readonly _line = h("div", { class: "line" }, this._avatar._root, this._bubble);
  readonly _root = h("div", { class: "row", role: "article", "aria-describedby": this._id, tabindex: -1, part: "message" });
  private _editedFor = "";
  private _below: HTMLElement | null = null;
  private _quote: HTMLElement | null = null;
  private _attached: Attached | null = null;
  private _asked: Asked | null = null;
  private _reactions: Reactions | null = null;
  /** What it asks for, in short. */
  private _asks = "";
  private _tools: HTMLElement | null = null;
  private _toolsFor = "";
  private _belowFor = "";
  _state: RowState | null = null;
  private _current = false;

  constructor(
    readonly _key: string,
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _files: Files,
    private readonly _hooks: RowHooks,
  ) {
    attr(this._named, "title", _strings.namesYou);
    this._root.dataset["key"] = _key;
    this._root.append(this._day, this._unread, this._line);
    this._root.addEventListener("click", ({ target }) => (target as Element).closest("[data-act=react]") && this._react());
    this._root.addEventListener("keydown", ({ key, target }) => key === "+" && target === this._root && this._react());
  }

  _update(state: RowState): void {
    const was = this._state;
    if (was && (Object.keys(state) as (keyof RowState)[]).every((name) => was[name] === state[name])) return;
    this._state = state;
    const { message } = state;
    const strings = this._strings;
    const deleted = message.deletedAt !== null && message.deletedAt !== undefined;
    const named = !deleted && message.mentionIds?.includes(state.people._me) === true;
    const { classList } = this._root;
    const classes = {
      own: message.mine,
      first: state.first,
      last: state.last,
      deleted,
      named,
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
    this._attach(message, deleted);
    this._askedOf(state, deleted);
    if (!deleted && message.reactions) this._reactionsOf();
    this._reactions?._update(message, state.people, this._reacts());
    this._metaOf(state, deleted, named);
    this._belowOf(state);
    this._setCurrent(this._current);
    // A button that is pressed or focused stays the same one, as long as what may be done does.
    if (this._tools && this._acts().join() !== this._toolsFor) this._renewTools();
    else if (this._root.matches(":hover, :focus-within")) this._withTools();
  }

  private _renewTools(): void {
    const active = focused(this._root) as HTMLElement | null;
    const act = active && this._tools!.contains(active) ? active.dataset["act"] : undefined;
    const inUse = this._root.matches(":hover, :focus-within");
    this._tools!.remove();
    this._tools = null;
    if (inUse) this._withTools();
    // To the button that does the same; where that may not be done any more, to the message.
    if (act) (this._bubble.querySelector<HTMLElement>(`.tools [data-act=${act}]`) ?? this._root).focus({ preventScroll: true });
  }

  /** The buttons are made once the row is pointed at or focused: thousands of rows need none. */
  _withTools(): void {
    const may = this._acts();
    if (this._tools || may.length === 0) return;
    const strings = this._strings;
    const buttons = may.map((act) =>
      h("button", { class: "tool", "data-act": act, "aria-label": strings[act], title: strings[act] }, icon(TOOLS[act])),
    );
    this._tools = h("div", { class: "tools", part: "actions", role: "toolbar", "aria-label": strings.actions }, ...buttons);
    this._toolsFor = may.join();
    this._bubble.append(this._tools);
  }

  /** The one row that Tab leads to, and whose links and quote it leads on to. */
  _setCurrent(on: boolean): void {
    this._current = on;
    attr(this._root, "tabindex", on ? 0 : -1);
    for (const inner of this._bubble.querySelectorAll("[tabindex]")) attr(inner, "tabindex", on ? 0 : -1);
  }

  /** Shows where a jump has ended. */
  _flash(): void {
    this._root.classList.remove("flash");
    // So that the animation begins again.
    void this._root.offsetWidth;
    this._root.classList.add("flash");
    setTimeout(() => this._root.classList.remove("flash"), 2_000);
  }

  /** What may be done with it. */
  private _acts(): Act[] {
    const { message, canEdit = false, canDelete = false } = this._state ?? {};
    if (message?.status !== "sent" || message.deletedAt) return [];
    const all: [Act, boolean][] = [["reply", true], ["react", this._reacts()], ["edit", canEdit], ["delete", canDelete]];
    return all.flatMap(([act, may]) => (may ? [act] : []));
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
      this._quote = h("button", { class: "quote", part: "quote", "data-act": "jump", tabindex: -1 });
      this._bubble.insertBefore(this._quote, this._attached?._root ?? this._body);
    }
    const strings = this._strings;
    const name = quote ? (quote.mine ? strings.you : quote.senderName) : strings.originalMessage;
    const said = !quote ? strings.jumpToOriginal : quote.deletedAt ? strings.deleted : short(gist(quote));
    attr(this._quote, "title", strings.jumpToOriginal);
    this._quote.replaceChildren(h("bdi", { class: "quote-name" }, name), h("span", { class: "quote-text", dir: "auto" }, said));
  }

  /** Made once: what a message holds does not change, but for its deletion. */
  private _attach({ attachments }: ChatMessage, deleted: boolean): void {
    const wanted = deleted ? [] : (attachments ?? []);
    const ids = (all: readonly { id: string }[]) => all.map(({ id }) => id).join();
    if (ids(wanted) === ids(this._attached?._of ?? [])) return;
    this._attached?._root.remove();
    this._attached = wanted.length > 0 ? new Attached(this._strings, this._times, this._files, this._hooks, wanted) : null;
    if (this._attached) this._bubble.insertBefore(this._attached._root, this._body);
  }

  private _askedOf({ message, people, live }: RowState, deleted: boolean): void {
    const asks = deleted ? null : message.instruction;
    this._asks = "";
    if (asks && !this._asked) this._body.after((this._asked = new Asked(this._strings, this._times, this._hooks, this._root))._root);
    if (asks) this._asks = this._asked!._update(message, asks, people, live);
    else if (this._asked) {
      if (this._asked._root.contains(focused(this._root))) this._root.focus({ preventScroll: true });
      this._asked._root.remove();
    }
  }

  private _reactionsOf(): Reactions {
    return (this._reactions ??= new Reactions(this._strings, this._hooks, this._root, this._asked?._root ?? this._body));
  }

  private _reacts(): boolean {
    const { live = false, message } = this._state ?? {};
    return live && !message!.deletedAt && !this._hooks._noReactions;
  }

  /** Shows what to react with. */
  private _react(): void {
    if (!this._reacts()) return;
    const { message, people } = this._state!;
    this._reactionsOf()._update(message, people, true);
    this._reactions!._choose();
  }

  private _metaOf({ message, time, receipt, last, canLook }: RowState, deleted: boolean, named: boolean): void {
    const strings = this._strings;
    const edited = !deleted && message.updatedAt ? strings.edited : "";
    const look = canLook && (deleted || edited !== "");
    show(this._edited, edited !== "" || look);
    this._editedOf(edited, look);
    const unsettled = receipt !== null && receipt !== "sent" && receipt !== "read";
    show(this._time, time || edited !== "" || look);
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
    show(this._named, named);
    show(this._meta, time || showTick || edited !== "" || look || named);
    const who = message.mine ? strings.you : message.senderName;
    const names = deleted ? "" : (message.attachments ?? []).map(({ name }) => name).join(", ");
    const parts = [who, this._times._time(message.createdAt), named ? strings.namesYou : "", this._asks, names, edited, receipt ? strings[receipt] : ""];
    attr(this._root, "aria-label", parts.filter(Boolean).join(", "));
  }

  /** A button where it leads to what was said before. The same one, as long as it says the same. */
  private _editedOf(edited: string, look: boolean): void {
    const strings = this._strings;
    const wanted = `${look} ${edited}`;
    if (this._editedFor === wanted) return;
    this._editedFor = wanted;
    if (!look) return this._edited.replaceChildren(edited);
    const label = edited ? strings.showHistory : strings.showDeleted;
    const button = h("button", { class: "look", "data-act": "history", tabindex: -1, title: strings.history }, edited || label);
    if (edited) attr(button, "aria-label", label);
    this._edited.replaceChildren(button);
  }

  private _belowOf({ message, readers }: RowState): void {
    const strings = this._strings;
    const { code = "", message: why = "" } = message.error ?? {};
    const failed = message.status === "failed";
    // The same reason as for the tools.
    const wanted = failed ? `${code} ${why}` : `${readers}`;
    if (this._belowFor === wanted) return;
    this._belowFor = wanted;
    this._below?.remove();
    this._below = null;
    if (failed) {
      const button = (act: string, label: string) => h("button", { class: "link", "data-act": act }, label);
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
