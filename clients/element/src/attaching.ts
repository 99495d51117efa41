/**
 * Adding files to the message that is being written: the button, what is pasted and dropped, the chips, and waiting for
 * what is still on its way.
 *
 * Used by the composer. The uploads themselves are the element's and outlast it.
 */
import { UPLOAD_BYTES, UPLOADS_PER_MESSAGE } from "@tenfour/client/record";
import { Chips } from "./chips.ts";
import { attr, h, show, text } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";
import type { Refused, Upload, Uploads } from "./uploads.ts";

export interface AttachingHooks {
  /** What is wrong, or "". */
  _say(trouble: string): void;
  /** For who does not see it. */
  _tell(words: string): void;
  _focus(): void;
  /** Something is there or gone. */
  _changed(): void;
  /** What waited for its files can be sent. */
  _ready(channel: string): void;
}

export class Attaching {
  readonly _button = h("button", { class: "attach", part: "attach-button" }, icon("clip"));
  readonly _input = h("input", { type: "file", multiple: true, hidden: true, tabindex: -1, "aria-hidden": "true" });
  private readonly _status = h("div", { class: "waiting-files", hidden: true });
  private readonly _chips: Chips;
  readonly _root: HTMLElement;
  private _channel = "";
  private _on = true;
  private _editing = false;

  constructor(
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _uploads: Uploads | null,
    private readonly _hooks: AttachingHooks,
  ) {
    attr(this._button, "aria-label", _strings.attach);
    attr(this._button, "title", _strings.attachLimits(UPLOADS_PER_MESSAGE, _times._size(UPLOAD_BYTES)));
    show(this._button, _uploads !== null);
    this._chips = new Chips(_strings, _times, {
      _remove: (upload) => {
        this._release();
        _uploads?._remove(upload);
      },
      _retry: (upload) => _uploads?._retry(upload),
      _focus: () => _hooks._focus(),
    });
    text(this._status, _strings.waitingForFiles);
    this._root = h("div", { class: "attaching" }, this._chips._root, this._status);
    this._button.addEventListener("click", () => this._input.click());
    this._input.addEventListener("change", () => {
      this._add([...(this._input.files ?? [])]);
      // So that the same file can be chosen again.
      this._input.value = "";
    });
    if (_uploads) _uploads._changed = (channel, upload) => this._changed(channel, upload);
  }

  _stop(): void {
    if (this._uploads) this._uploads._changed = () => {};
  }

  _open(channel: string): void {
    this._channel = channel;
    this._render();
  }

  _enable(on: boolean): void {
    this._on = on;
    this._button.disabled = !on;
  }

  /** An edit changes words alone: meanwhile the files are out of sight. */
  _edits(editing: boolean): void {
    this._editing = editing;
    this._render();
  }

  get _some(): boolean {
    return (this._uploads?._of(this._channel).length ?? 0) > 0;
  }

  get _takes(): boolean {
    return this._uploads !== null && this._on && !this._editing && this._channel !== "";
  }

  _add(files: readonly File[]): void {
    if (!this._takes || files.length === 0) return;
    this._release();
    const refused = this._uploads!._add(this._channel, files);
    this._hooks._say(refused ? this._why(refused) : "");
    this._hooks._focus();
  }

  /** Pictures that are pasted; where there are words too, those are meant. */
  _pasted(event: ClipboardEvent): void {
    const { clipboardData: data } = event;
    if (!data || data.files.length === 0 || data.types.includes("text/plain") || !this._takes) return;
    event.preventDefault();
    this._add([...data.files]);
  }

  /** True if the message of a channel has to wait, or something is wrong with its files. */
  _holds(channel: string): boolean {
    if (!this._uploads?._pending(channel)) return false;
    if (this._uploads._of(channel).some(({ state }) => state === "failed")) this._hooks._say(this._strings.uploadsFailed);
    else {
      this._uploads._waiting.add(channel);
      this._hooks._tell(this._strings.waitingForFiles);
    }
    this._render();
    return true;
  }

  /** It is changed, and does not go out by itself. */
  _release(): void {
    if (this._uploads?._waiting.delete(this._channel)) this._render();
  }

  private _why({ why, name, most }: NonNullable<Refused>): string {
    const strings = this._strings;
    if (why === "many") return strings.tooManyFiles(most);
    return why === "empty" ? strings.fileEmpty(name) : strings.fileTooLarge(name, this._times._size(most));
  }

  private _changed(channel: string, upload?: Upload): void {
    const strings = this._strings;
    const { _waiting: waiting } = this._uploads!;
    if (upload?.state === "done") this._hooks._tell(strings.uploaded(upload.name));
    if (upload?.error) {
      waiting.delete(channel);
      this._hooks._tell(`${upload.name}: ${strings.uploadFailed(upload.error.code, upload.error.message)}`);
    }
    if (channel === this._channel) {
      this._render();
      this._hooks._changed();
    }
    if (waiting.has(channel) && !this._uploads!._pending(channel)) {
      waiting.delete(channel);
      this._render();
      this._hooks._ready(channel);
    }
  }

  private _render(): void {
    const uploads = this._editing || !this._channel ? [] : (this._uploads?._of(this._channel) ?? []);
    this._chips._update(uploads);
    show(this._status, uploads.length > 0 && this._uploads!._waiting.has(this._channel));
    show(this._button, this._uploads !== null && !this._editing);
  }
}

/** Takes what is dropped anywhere on `pane`. `takes` says whether there is a place for it now. */
export function dropping(pane: HTMLElement, strings: Strings, takes: () => boolean, drop: (files: File[]) => void): void {
  const over = h("div", { class: "drop", part: "drop", hidden: true, "aria-hidden": "true" }, icon("file"), h("p", {}, strings.dropFiles));
  pane.append(over);
  /** Files are the conversation's in any case: the browser would open them in the place of the page. */
  const ours = (event: DragEvent) => {
    const { dataTransfer: data } = event;
    if (!data?.types.includes("Files")) return null;
    event.preventDefault();
    return data;
  };
  const begins = (event: DragEvent) => {
    const data = ours(event);
    if (!data) return;
    const taken = takes();
    data.dropEffect = taken ? "copy" : "none";
    show(over, taken);
  };
  pane.addEventListener("dragenter", begins);
  pane.addEventListener("dragover", begins);
  pane.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget || !pane.contains(event.relatedTarget as Node)) show(over, false);
  });
  pane.addEventListener("drop", (event) => {
    show(over, false);
    const data = ours(event);
    if (!data || !takes()) return;
    const { items, files } = data;
    // A folder looks like a file, and cannot be read as one.
    const folders = [...items].map((item) => item.webkitGetAsEntry?.()?.isDirectory === true);
    drop([...files].filter((_, index) => !folders[index]));
  });
}
