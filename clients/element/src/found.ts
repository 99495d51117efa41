/**
 * Messages that hold what is searched for, below the conversations: asked for as it is typed, in pages.
 *
 * Used by the channel list. A listbox like that one. What was written goes in as text nodes only.
 */
import { search } from "@tenfour/client/record";
import type { SearchHit } from "@tenfour/client/record";
import type { ChannelInfo, TenfourClient, TenfourError } from "@tenfour/client";
import { attr, h, show, text } from "./dom.ts";
import { nameOf } from "./names.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

/** From so many characters on. */
const LEAST = 2;
/** After the last keystroke. */
const PAUSE = 250;
/** A page may hold nothing though there is more: then so many are asked for in a row. */
const EMPTY_PAGES = 5;

export interface FoundHooks {
  _choose(channelId: string, messageId: string, seq: number): void;
  /** Up from the first. */
  _up(): void;
}

/** The word that is being typed is the beginning of one; who writes quotes means what stands there. */
export function queryOf(typed: string): string {
  const words = typed.trim();
  return /[\p{L}\p{N}]{2}$/u.test(words) && !words.includes('"') ? `${words}*` : words;
}

export class Found {
  private readonly _title = h("h2", { class: "found-title" });
  private readonly _status = h("span", { class: "found-status", "aria-live": "polite" });
  private readonly _filter: HTMLButtonElement;
  private readonly _box = h("div", { class: "hits", role: "listbox", part: "hits" });
  private readonly _trouble = h("div", { class: "found-trouble", role: "alert", hidden: true });
  private readonly _again: HTMLButtonElement;
  private readonly _more: HTMLButtonElement;
  readonly _root: HTMLElement;
  private _asked = "";
  /** Only messages with files, whatever is typed next. */
  private _withFiles = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _asking: AbortController | null = null;
  private _hits: SearchHit[] = [];
  private _cursor: string | null = null;
  /** This daemon searches nothing. */
  private _none = false;
  private readonly _offs: (() => void)[];

  constructor(
    private readonly _client: TenfourClient,
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _hooks: FoundHooks,
  ) {
    text(this._title, _strings.foundMessages);
    attr(this._box, "aria-label", _strings.foundMessages);
    this._filter = h(
      "button",
      { class: "link found-files", part: "found-files", "aria-pressed": "false", onclick: () => this._toggle() },
      _strings.withFiles,
    );
    this._again = h("button", { class: "link", hidden: true, onclick: () => void this._page() }, _strings.retry);
    this._more = h("button", { class: "link found-more", hidden: true, onclick: () => void this._page() }, _strings.showMore);
    this._root = h(
      "section",
      { class: "found", part: "found", hidden: true },
      h("div", { class: "found-head" }, this._title, this._status, this._filter),
      h("div", { class: "found-scroll" }, this._box, this._trouble, this._again, this._more),
    );
    this._box.addEventListener("click", (event) => this._choose(this._indexOf(event)));
    this._box.addEventListener("keydown", (event) => this._onKey(event));
    // What is deleted, or of a channel that one was removed from, is not to be read here either.
    this._offs = [
      _client.on("message.deleted", ({ id }) => this._without(({ message }) => message.id === id)),
      _client.on("channel.removed", ({ channelId }) => this._without(({ message }) => message.channelId === channelId)),
      _client.on("message.updated", ({ id }) => {
        if (this._hits.some(({ message }) => message.id === id)) void this._page(true);
      }),
    ];
  }

  _stop(): void {
    for (const off of this._offs) off();
    clearTimeout(this._timer);
    this._asking?.abort();
  }

  /** With each keystroke. */
  _type(typed: string): void {
    const asked = typed.trim().length < LEAST ? "" : queryOf(typed);
    if (asked === this._asked || this._none) return;
    this._asked = asked;
    clearTimeout(this._timer);
    this._asking?.abort();
    this._asking = null;
    this._cursor = null;
    show(this._root, asked !== "");
    if (!asked) return this._show([]);
    attr(this._box, "aria-busy", true);
    text(this._status, this._strings.searching);
    this._timer = setTimeout(() => void this._page(true), PAUSE);
  }

  private _toggle(): void {
    this._withFiles = !this._withFiles;
    attr(this._filter, "aria-pressed", String(this._withFiles));
    clearTimeout(this._timer);
    void this._page(true);
  }

  /** The first hit, if there is one. */
  _focus(): boolean {
    if (!this._asked || this._hits.length === 0) return false;
    this._focusOn(0);
    return true;
  }

  /** Chooses the first hit. */
  _first(): void {
    this._choose(0);
  }

  private async _page(anew = false): Promise<void> {
    if (this._asking && !anew) return;
    this._asking?.abort();
    const controller = (this._asking = new AbortController());
    const strings = this._strings;
    const before = anew ? [] : this._hits;
    const hadFocus = this._more.matches(":focus") || this._again.matches(":focus");
    let cursor = anew ? null : this._cursor;
    attr(this._box, "aria-busy", true);
    text(this._status, strings.searching);
    show(this._trouble, false);
    show(this._again, false);
    const hits: SearchHit[] = [];
    try {
      for (let pages = 0; pages < EMPTY_PAGES && hits.length === 0; pages++) {
        const page = await search(this._client, { q: this._asked, ...(this._withFiles && { hasAttachment: true }), ...(cursor && { cursor }) }, { signal: controller.signal });
        hits.push(...page.hits);
        cursor = page.hasMore ? page.cursor : null;
        if (!cursor) break;
      }
    } catch (thrown) {
      if (this._asking !== controller) return;
      this._asking = null;
      this._failed(thrown as TenfourError, anew);
      return;
    }
    if (this._asking !== controller) return;
    this._asking = null;
    this._cursor = cursor;
    this._show([...before, ...hits]);
    if (hadFocus) this._focusOn(Math.min(before.length, this._hits.length - 1));
  }

  private _failed({ status, code }: TenfourError, anew: boolean): void {
    if (anew) this._show([]);
    attr(this._box, "aria-busy", null);
    text(this._status, "");
    if (status === 404) {
      this._none = true;
      return show(this._root, false);
    }
    text(this._trouble, this._strings.searchFailed(code === "offline" ? "offline" : status !== undefined && status < 500 ? "refused" : "unknown"));
    show(this._trouble, true);
    show(this._again, true);
  }

  private _without(gone: (hit: SearchHit) => boolean): void {
    const left = this._hits.filter((hit) => !gone(hit));
    if (left.length < this._hits.length) this._show(left);
  }

  private _show(hits: SearchHit[]): void {
    const same = hits.slice(0, this._hits.length).every((hit, index) => hit === this._hits[index]);
    const kept = same ? this._hits.length : 0;
    this._hits = hits;
    if (!same || kept > hits.length) this._box.replaceChildren();
    const from = this._box.childElementCount;
    this._box.append(...hits.slice(from).map((hit, index) => this._hit(hit, from + index)));
    attr(this._box, "aria-busy", null);
    show(this._box, hits.length > 0);
    show(this._trouble, false);
    show(this._again, false);
    show(this._more, this._cursor !== null);
    text(this._status, this._asked ? this._strings.found(hits.length, this._cursor !== null) : "");
  }

  private _hit({ message, snippet }: SearchHit, index: number): HTMLElement {
    const strings = this._strings;
    const channel = this._client.getSnapshot().channels.find(({ id }) => id === message.channelId);
    const where = channel ? nameOf(channel as ChannelInfo, strings) : "";
    const who = message.senderId === this._client.user?.id ? strings.you : message.senderName;
    const said = snippet.map(({ text, match }) => (match ? h("mark", {}, text) : text));
    return h(
      "div",
      { class: "hit", role: "option", "aria-selected": "false", tabindex: index === 0 ? 0 : -1, part: "hit" },
      h(
        "div",
        { class: "item-row" },
        h("div", { class: "item-name" }, h("bdi", {}, where)),
        h("time", { class: "item-time", datetime: message.createdAt }, this._times._short(message.createdAt)),
      ),
      h("div", { class: "hit-said", dir: "auto" }, h("span", { class: "hit-who" }, h("bdi", {}, who), ": "), ...said),
    );
  }

  private _indexOf(event: Event): number {
    const hit = (event.target as Element).closest(".hit");
    return hit ? [...this._box.children].indexOf(hit) : -1;
  }

  private _choose(index: number): void {
    const message = this._hits[index]?.message;
    if (message) this._hooks._choose(message.channelId, message.id, message.seq);
  }

  private _focusOn(index: number): void {
    const hits = [...this._box.children] as HTMLElement[];
    hits.forEach((hit, at) => attr(hit, "tabindex", at === index ? 0 : -1));
    hits[index]?.focus();
  }

  private _onKey(event: KeyboardEvent): void {
    const at = this._indexOf(event);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this._hits.length - 1;
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (to < 0) this._hooks._up();
      else if (to > last) this._more.focus();
      else this._focusOn(to);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this._choose(at);
    }
  }
}
