/**
 * The two buttons over the messages: up to the first unread one, down to the newest with a count of what is unread there.
 *
 * Used by the message list, which knows where things are.
 */
import { attr, h, show, text } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Strings } from "./strings.ts";

export class Jumps {
  private readonly _words = h("span");
  private readonly _badge = h("span", { class: "badge", hidden: true });
  readonly _up = h("button", { class: "jump-up", part: "jump", hidden: true }, icon("up"), this._words);
  readonly _down = h("button", { class: "jump-down", part: "jump", hidden: true }, icon("down"), this._badge);

  constructor(
    private readonly _strings: Strings,
    up: () => void,
    down: () => void,
  ) {
    this._up.addEventListener("click", up);
    this._down.addEventListener("click", down);
  }

  /** `above`: so many were unread when it was opened, and none of them was seen; 0 for no button. */
  _update(atEnd: boolean, unread: number, above: number): void {
    const strings = this._strings;
    show(this._down, !atEnd);
    show(this._badge, unread > 0);
    text(this._badge, unread > 99 ? "99+" : String(unread));
    attr(this._down, "aria-label", unread > 0 ? strings.toNewestCount(unread) : strings.toNewest);
    show(this._up, above > 0);
    if (above > 0) text(this._words, strings.toFirstUnread(above));
  }
}
