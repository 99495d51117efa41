/**
 * The reactions to a message: a chip for each, and a handful of common ones to choose from.
 *
 * Used by a row. What is shown is what the server has told; a press only asks for it.
 */
import type { ChatMessage } from "@tenfour/client";
import { arrange, attr, focused, h, show, text } from "./dom.ts";
import type { People } from "./people.ts";
import type { Strings } from "./strings.ts";

export interface ReactionHooks {
  /** None can be left here. */
  readonly _noReactions: boolean;
  _react(message: ChatMessage, reaction: string, remove: boolean): void;
}

export class Reactions {
  private readonly _chips = h("div", { class: "reactions", part: "reactions", role: "group" });
  private readonly _palette = h("div", { class: "reactions palette", part: "palette", role: "group", hidden: true });
  private readonly _made = new Map<string, HTMLButtonElement>();
  private _message: ChatMessage | null = null;

  constructor(
    private readonly _strings: Strings,
    private readonly _hooks: ReactionHooks,
    /** Where the focus goes back to. */
    private readonly _row: HTMLElement,
    /** What they stand below. */
    above: HTMLElement,
  ) {
    attr(this._chips, "aria-label", _strings.reactions);
    attr(this._palette, "aria-label", _strings.react);
    above.after(this._chips, this._palette);
    this._palette.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this._close();
    });
    // A press on one of them does not take the focus away first, and close what it is meant for.
    this._palette.addEventListener("pointerdown", (event) => event.preventDefault());
    this._palette.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this._palette.contains(relatedTarget as Node | null)) show(this._palette, false);
    });
  }

  _update(message: ChatMessage, people: People, may: boolean): void {
    this._message = message;
    const reactions = message.reactions ?? [];
    const active = focused(this._row) as HTMLElement | null;
    arrange(this._chips, reactions.map(({ reaction, userIds }) => this._chip(reaction, userIds, people, may)));
    for (const reaction of this._made.keys()) if (!reactions.some((it) => it.reaction === reaction)) this._made.delete(reaction);
    show(this._chips, reactions.length > 0);
    if (!may) show(this._palette, false);
    // It was the last one of its kind, or there are none to choose from any more.
    if (active?.classList.contains("reaction") && active !== focused(this._row)) this._row.focus({ preventScroll: true });
  }

  /** Shows those to choose from, and takes the focus there; or puts them away. */
  _choose(): void {
    if (!this._palette.hidden) return this._close();
    const button = (reaction: string) => h("button", { class: "reaction", onclick: () => this._chosen(reaction) }, reaction);
    this._palette.replaceChildren(...this._strings.commonReactions.split(" ").map(button));
    show(this._palette, true);
    (this._palette.firstElementChild as HTMLElement).focus();
  }

  private _chosen(reaction: string): void {
    this._hooks._react(this._message!, reaction, false);
    this._close();
  }

  private _close(): void {
    show(this._palette, false);
    this._row.focus({ preventScroll: true });
  }

  private _chip(reaction: string, userIds: readonly string[], people: People, may: boolean): HTMLButtonElement {
    let chip = this._made.get(reaction);
    if (!chip) {
      chip = h("button", { class: "reaction", part: "reaction", tabindex: -1 }, h("bdi", {}, reaction), h("span"));
      chip.addEventListener("click", ({ currentTarget }) => {
        this._hooks._react(this._message!, reaction, (currentTarget as Element).getAttribute("aria-pressed") === "true");
      });
      this._made.set(reaction, chip);
    }
    const mine = userIds.includes(people._me);
    text(chip.lastElementChild!, String(userIds.length));
    attr(chip, "aria-pressed", String(mine));
    attr(chip, "title", userIds.map((id) => people._name(id, this._strings)).join(", "));
    chip.disabled = !may;
    return chip;
  }
}
