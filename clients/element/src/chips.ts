/**
 * The files of the message that is being written, each as a chip: name, size, how far it is, and what can be done about it.
 *
 * Used by the composer. What is uploaded, and how, is not its business.
 */
import { arrange, attr, focused, h, show, text } from "./dom.ts";
import { isPicture, mayShow, showBlob } from "./files.ts";
import { icon } from "./icons.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";
import type { Upload } from "./uploads.ts";

export interface ChipHooks {
  _remove(upload: Upload): void;
  _retry(upload: Upload): void;
  _focus(): void;
}

class Chip {
  private readonly _picture = h("span", { class: "chip-picture" }, icon("file"));
  private readonly _about = h("span", { class: "chip-about", dir: "auto" });
  private readonly _bar = h("span", { class: "chip-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, h("i"));
  private readonly _retry: HTMLButtonElement;
  readonly _remove: HTMLButtonElement;
  readonly _root: HTMLElement;

  constructor(
    readonly _upload: Upload,
    private readonly _strings: Strings,
    private readonly _times: Times,
    hooks: ChipHooks,
  ) {
    const { name, file } = _upload;
    this._retry = h("button", { class: "link chip-retry", "aria-label": _strings.retryUpload(name) }, _strings.retry);
    this._remove = h("button", { class: "round chip-remove" }, icon("close"));
    this._retry.addEventListener("click", () => {
      hooks._retry(_upload);
      this._remove.focus();
    });
    this._remove.addEventListener("click", () => hooks._remove(_upload));
    attr(this._bar, "aria-label", _strings.uploading(name));
    const words = h("span", { class: "chip-words" }, h("bdi", { class: "chip-name", title: name }, name), this._about, this._bar);
    this._root = h("li", { class: "chip", part: "upload" }, this._picture, words, this._retry, this._remove);
    if (file && isPicture(file.type) && mayShow()) void this._preview(file);
  }

  _update(): void {
    const { state, name, size, sent, error } = this._upload;
    const strings = this._strings;
    const under = state === "sending" || state === "waiting";
    const percent = Math.min(100, Math.floor((100 * sent) / (size || 1)));
    this._root.dataset["state"] = state;
    show(this._bar, under);
    attr(this._bar, "aria-valuenow", percent);
    (this._bar.firstElementChild as HTMLElement).style.inlineSize = `${percent}%`;
    show(this._retry, state === "failed");
    text(this._about, error ? strings.uploadFailed(error.code, error.message) : this._times._size(size));
    const label = under ? strings.cancelUpload(name) : strings.removeFile(name);
    attr(this._remove, "aria-label", label);
    attr(this._remove, "title", label);
  }

  private async _preview(file: File): Promise<void> {
    const image = h("img", { alt: "", width: 40, height: 40 });
    if (await showBlob(image, file)) this._picture.replaceChildren(image);
  }
}

export class Chips {
  readonly _root: HTMLElement;
  private readonly _chips = new Map<string, Chip>();

  constructor(
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _hooks: ChipHooks,
  ) {
    this._root = h("ul", { class: "chips", part: "uploads", hidden: true, "aria-label": _strings.files });
  }

  _update(uploads: readonly Upload[]): void {
    const active = focused(this._root);
    const before = [...this._root.children];
    const at = active ? before.findIndex((root) => root.contains(active)) : -1;
    const there = new Set(uploads.map(({ key }) => key));
    for (const key of this._chips.keys()) if (!there.has(key)) this._chips.delete(key);
    const chips = uploads.map((upload) => {
      let chip = this._chips.get(upload.key);
      if (!chip) this._chips.set(upload.key, (chip = new Chip(upload, this._strings, this._times, this._hooks)));
      chip._update();
      return chip;
    });
    arrange(this._root, chips.map(({ _root }) => _root));
    show(this._root, chips.length > 0);
    // The one that had the focus is gone: on to its neighbour.
    if (at < 0 || before[at]!.isConnected) return;
    const next = chips[Math.min(at, chips.length - 1)];
    if (next) next._remove.focus();
    else this._hooks._focus();
  }
}
