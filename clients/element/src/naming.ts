/**
 * Members to choose from while an @ and the beginning of a name are written.
 *
 * Used by the composer, which keeps who was chosen with the draft.
 */
import { attr, h, show } from "./dom.ts";
import type { Strings } from "./strings.ts";

export interface Named {
  readonly id: string;
  readonly name: string;
}

const MOST = 6;

export class Naming {
  /** Read out as it changes: the field keeps the focus. */
  readonly _root = h("div", { class: "reactions names", part: "names", role: "group", "aria-live": "polite", hidden: true });

  constructor(
    strings: Strings,
    private readonly _input: HTMLTextAreaElement,
    private readonly _others: () => readonly Named[],
    private readonly _chosen: (who: Named) => void,
  ) {
    attr(this._root, "aria-label", strings.mention);
  }

  /** Shows who fits what stands before the caret. */
  _look(): void {
    const at = this._input.selectionStart;
    // Not within a word, such as an address by mail.
    const begun = /(?:^|\s)@([^@\n]*)$/.exec(this._input.value.slice(0, at))?.[1]?.toLowerCase();
    const fits = begun === undefined ? [] : this._others().filter(({ name }) => name.toLowerCase().startsWith(begun));
    const take = (who: Named) => {
      this._input.setRangeText(`${who.name} `, at - begun!.length, at, "end");
      this._input.focus();
      this._chosen(who);
    };
    this._root.replaceChildren(...fits.slice(0, MOST).map((who) => h("button", { class: "reaction", onclick: () => take(who) }, h("bdi", {}, who.name))));
    show(this._root, fits.length > 0);
  }

  /** Takes the first, if there are some. */
  _first(): boolean {
    if (this._root.hidden) return false;
    (this._root.firstElementChild as HTMLElement).click();
    return true;
  }
}
