/**
 * Asking for an answer: a button beside the field, and above it until when.
 *
 * Used by the composer, which keeps what is chosen with the draft.
 */
import { attr, h, show } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Strings } from "./strings.ts";

/** In minutes; 0 is without an end. */
const CHOICES = [15, 30, 60, 240, 1440, 0];
const USUAL = 30;

export class Asking {
  readonly _button = h("button", { class: "attach", part: "ask-button" }, icon("bell"));
  private readonly _until = h("select", { class: "note" });
  readonly _root = h("div", { class: "asking", part: "asking", hidden: true }, icon("bell"), this._until);

  constructor(
    strings: Strings,
    private readonly _on: boolean,
    changed: (ask: number | undefined) => void,
  ) {
    attr(this._button, "aria-label", strings.ask);
    attr(this._button, "title", strings.ask);
    attr(this._until, "aria-label", strings.ask);
    this._root.append(h("span", { class: "muted" }, strings.askWhom));
    this._until.append(...CHOICES.map((minutes) => h("option", { value: minutes }, minutes ? strings.within(minutes) : strings.noDeadline)));
    this._button.addEventListener("click", () => changed(this._root.hidden ? USUAL : undefined));
    this._until.addEventListener("change", () => changed(Number(this._until.value)));
  }

  /** Undefined: no answer is asked for. An edit changes words alone. */
  _show(ask: number | undefined, edits: boolean): void {
    show(this._button, this._on && !edits);
    show(this._root, this._on && !edits && ask !== undefined);
    attr(this._button, "aria-pressed", String(ask !== undefined));
    if (ask !== undefined) this._until.value = String(ask);
  }
}
