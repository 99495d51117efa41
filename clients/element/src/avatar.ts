/**
 * The round picture of a person and the rounded one of a group: initials on a colour that stays with the id.
 *
 * Used by the channel list, the header and the rows. Decoration: the name is always beside it, so it is hidden from
 * screen readers.
 */
import { attr, h, text } from "./dom.ts";

export class Avatar {
  readonly _root = h("span", { class: "avatar", part: "avatar", "aria-hidden": "true" });
  private readonly _text = h("span", { class: "initials" });
  private readonly _dot = h("span", { class: "dot", hidden: true });

  constructor() {
    this._root.append(this._text, this._dot);
  }

  _update(id: string, name: string, group: boolean, online: boolean | null): void {
    text(this._text, initials(name));
    this._root.classList.toggle("group", group);
    this._root.style.setProperty("--_hue", String(hue(id)));
    this._dot.hidden = online !== true;
    attr(this._root, "data-online", online === true);
  }
}

/** Of the first and the last word, as far as there are any. */
export function initials(name: string): string {
  const words = name.split(/[\s\p{P}\p{S}]+/u).filter(Boolean);
  const first = (word: string | undefined) => (word ? [...word][0]! : "");
  const short = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "");
  return short.toLocaleUpperCase() || "?";
}

/** Spread over the circle, and the same for the same id everywhere. */
export function hue(id: string): number {
  let hash = 2166136261;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
  return ((hash >>> 0) % 24) * 15;
}
