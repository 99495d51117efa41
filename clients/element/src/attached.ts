/**
 * The files of a message: pictures as such, in their place before their bytes are there, and everything else as a button
 * that saves it.
 *
 * Used by a row. A picture that does not come, or that the page's policy shows none of, is a file like any other.
 */
import type { ChatMessage } from "@tenfour/client";
import type { Attachment } from "@tenfour/client/record";
import { attr, h } from "./dom.ts";
import { isPicture, mayShow, showBlob } from "./files.ts";
import type { Files } from "./files.ts";
import { icon } from "./icons.ts";
import { modal } from "./modal.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

/** The largest that a picture is among the messages, in px; smaller where there are several. */
const WIDE = 300;
const HIGH = 260;
const SEVERAL = 144;
const FILE_HEIGHT = 56;

export interface AttachedHooks {
  /** A word of trouble. */
  _say(words: string): void;
}

interface Box {
  readonly width: number;
  readonly height: number;
}

export function boxOf({ contentType, width, height }: Attachment, alone: boolean): Box | null {
  if (!isPicture(contentType) || !width || !height) return null;
  const scale = Math.min(1, (alone ? WIDE : SEVERAL) / width, (alone ? HIGH : SEVERAL) / height);
  return { width: Math.max(48, Math.round(width * scale)), height: Math.max(48, Math.round(height * scale)) };
}

/** About how high is what stands beside the words of a message, before it is made. */
export function heightOf({ attachments = [], reactions, instruction }: Partial<ChatMessage>): number {
  const beside = (reactions ? 32 : 0) + (instruction ? 84 : 0);
  return attachments.reduce((sum, it) => sum + (boxOf(it, attachments.length === 1)?.height ?? FILE_HEIGHT) + 6, beside);
}

export class Attached {
  readonly _root = h("div", { class: "attached", part: "attachments" });

  constructor(
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _files: Files,
    private readonly _hooks: AttachedHooks,
    readonly _of: readonly Attachment[],
  ) {
    this._root.append(..._of.map((attachment) => this._one(attachment, _of.length === 1)));
  }

  private _one(attachment: Attachment, alone: boolean): HTMLElement {
    const box = mayShow() ? boxOf(attachment, alone) : null;
    return box ? this._picture(attachment, box) : this._file(attachment);
  }

  private _file(attachment: Attachment): HTMLElement {
    const { name, size } = attachment;
    const bytes = this._times._size(size);
    const { download } = this._strings;
    const button = h(
      "button",
      { class: "file", part: "file", tabindex: -1, title: `${download}: ${name}` },
      icon("file"),
      h("span", { class: "sr" }, `${download} `),
      h("span", { class: "file-words" }, h("bdi", { class: "file-name" }, name), " ", h("bdi", { class: "file-size" }, bytes)),
    );
    button.addEventListener("click", () => void this._save(attachment, button));
    return button;
  }

  private _picture(attachment: Attachment, { width, height }: Box): HTMLElement {
    const label = this._strings.openPicture(attachment.name);
    const image = h("img", { alt: "", width, height, draggable: "false" });
    const button = h("button", { class: "picture", part: "picture", tabindex: -1, title: attachment.name, "aria-label": label }, image);
    button.style.inlineSize = `${width}px`;
    button.style.aspectRatio = `${width} / ${height}`;
    button.addEventListener("click", () => void this._open(attachment, button));
    void this._show(attachment, button, image);
    return button;
  }

  private async _show(attachment: Attachment, button: HTMLElement, image: HTMLImageElement): Promise<void> {
    // The row is put into the page after this.
    await Promise.resolve();
    const blob = await this._files._picture(attachment, () => button.isConnected);
    if (blob && (await showBlob(image, blob))) return void button.classList.add("shown");
    if (!button.isConnected) return;
    const file = this._file(attachment);
    attr(file, "tabindex", button.getAttribute("tabindex"));
    button.replaceWith(file);
  }

  /** The whole picture over everything else. */
  private async _open(attachment: Attachment, button: HTMLElement): Promise<void> {
    const strings = this._strings;
    const { name, width, height, size } = attachment;
    const image = h("img", { class: "viewer-picture", alt: name, width, height });
    const save = h("button", { class: "button" }, strings.download);
    const close = h("button", { class: "button" }, strings.close);
    const parent = button.closest(".main") ?? button.getRootNode();
    const { _dialog: dialog, _closed: closed } = modal(
      parent,
      "viewer",
      name,
      "",
      image,
      h("div", { class: "buttons" }, h("span", { class: "viewer-size" }, this._times._size(size)), save, close),
    );
    save.addEventListener("click", () => void this._save(attachment, save));
    close.addEventListener("click", () => dialog.close());
    close.focus();
    const shown = await this._files._get(attachment).then((blob) => showBlob(image, blob), () => false);
    if (!shown && dialog.open) {
      image.replaceWith(h("p", { role: "alert" }, strings.downloadFailed(name)));
    }
    await closed;
  }

  private async _save(attachment: Attachment, button: HTMLElement): Promise<void> {
    if (button.getAttribute("aria-busy") === "true") return;
    attr(button, "aria-busy", "true");
    try {
      await this._files._save(attachment);
    } catch {
      this._hooks._say(this._strings.downloadFailed(attachment.name));
    }
    attr(button, "aria-busy", null);
  }
}

/** What a message says in a line: its text, or the names of its files. */
export function gist({ content, attachments }: { content: string; attachments?: readonly Attachment[] | undefined }): string {
  return content || (attachments ?? []).map(({ name }) => name).join(", ");
}
