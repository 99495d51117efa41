/**
 * Where messages are written: a field that grows, the bar of a reply or an edit above it, the button.
 *
 * Used by the conversation. It holds what is being written and keeps the draft; sending and changing is done by whoever
 * made it.
 */
import type { ChatMessage } from "@tenfour/client";
import { attr, h, show, text } from "./dom.ts";
import type { Drafts } from "./drafts.ts";
import { icon } from "./icons.ts";
import { short } from "./message-row.ts";
import type { Strings } from "./strings.ts";

export interface ComposerHooks {
  _send(content: string, replyTo: ChatMessage | null): void;
  /** Rejects if the change did not go through: it stays in the field. */
  _edit(message: ChatMessage, content: string): Promise<void>;
  _typed(): void;
  /** The newest of one's own messages that can be changed. */
  _lastOwn(): ChatMessage | undefined;
  _toMessages(): void;
}

/** What the daemon takes at most by default. */
const MOST_BYTES = 16_384;

export class Composer {
  private readonly _input = h("textarea", { class: "input", part: "input", rows: 1, dir: "auto", enterkeyhint: "send", autocomplete: "off" });
  private readonly _button = h("button", { type: "button", class: "send", part: "send-button" });
  private readonly _aboutName = h("bdi", { class: "quote-name" });
  private readonly _aboutText = h("span", { class: "quote-text", dir: "auto" });
  private readonly _close = h("button", { type: "button", class: "round" }, icon("close"));
  private readonly _about = h(
    "div",
    { class: "about", part: "reply", hidden: true },
    h("div", { class: "about-text" }, this._aboutName, this._aboutText),
    this._close,
  );
  private readonly _trouble = h("div", { class: "trouble", role: "alert", hidden: true });
  readonly _root = h(
    "form",
    { class: "composer", part: "composer" },
    this._about,
    this._trouble,
    h("div", { class: "writing" }, this._input, this._button),
  );
  private _channel = "";
  private _reply: ChatMessage | null = null;
  private _editing: ChatMessage | null = null;
  private _busy = false;

  constructor(
    private readonly _strings: Strings,
    private readonly _drafts: Drafts,
    private readonly _hooks: ComposerHooks,
  ) {
    attr(this._button, "aria-label", _strings.send);
    this._root.addEventListener("submit", (event) => event.preventDefault());
    this._input.addEventListener("input", () => this._onInput());
    this._input.addEventListener("keydown", (event) => this._onKey(event));
    // A press on the button takes no focus from the field: the keyboard of a phone stays.
    this._button.addEventListener("pointerdown", (event) => event.preventDefault());
    this._button.addEventListener("click", () => this._submit());
    this._close.addEventListener("click", () => {
      this._cancel();
      this._focus();
    });
    this._show();
  }

  /** Shows the draft of a channel. */
  _open(channel: string, name: string): void {
    if (channel !== this._channel) {
      this._channel = channel;
      this._reply = this._editing = null;
      this._input.value = this._drafts._get(channel);
      this._show();
    }
    attr(this._input, "placeholder", this._strings.message);
    attr(this._input, "aria-label", this._strings.messageTo(name));
  }

  /** The user became known, and so did the drafts. */
  _reload(): void {
    if (this._input.value || this._editing) return;
    this._input.value = this._drafts._get(this._channel);
    this._show();
  }

  _enable(on: boolean): void {
    if (this._input.disabled === !on) return;
    this._input.disabled = this._button.disabled = !on;
    this._say(on ? "" : this._strings.notMember);
  }

  _focus(options?: FocusOptions): void {
    this._input.focus(options);
  }

  _replyTo(message: ChatMessage): void {
    this._cancel();
    this._reply = message;
    this._show();
    this._focus();
  }

  _editOf(message: ChatMessage): void {
    this._cancel();
    this._editing = message;
    this._input.value = message.content;
    this._show();
    this._focus();
    this._input.setSelectionRange(message.content.length, message.content.length);
  }

  /** What could not be taken is not lost. */
  _giveBack(content: string): void {
    if (this._editing || this._input.value) return;
    this._input.value = content;
    this._drafts._set(this._channel, content);
    this._show();
  }

  /** A message that is answered or edited has changed or gone. */
  _changed(message: ChatMessage): void {
    if (message.deletedAt && (this._reply?.id === message.id || this._editing?.id === message.id)) this._cancel();
  }

  /** True if there was something to cancel. */
  private _cancel(): boolean {
    if (!this._reply && !this._editing) return false;
    if (this._editing) this._input.value = this._drafts._get(this._channel);
    this._reply = this._editing = null;
    this._show();
    return true;
  }

  private _onInput(): void {
    if (!this._editing) {
      this._drafts._set(this._channel, this._input.value);
      if (this._input.value) this._hooks._typed();
    }
    this._say(this._tooLong() ? this._strings.tooLong : "");
    this._grow();
  }

  private _onKey(event: KeyboardEvent): void {
    // While a word is being composed the keys belong to the input method; 229 is how older ones say it.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this._submit();
    } else if (event.key === "Escape") {
      if (this._cancel()) event.stopPropagation();
    } else if (event.key === "ArrowUp" && this._input.value === "" && !event.shiftKey) {
      event.preventDefault();
      const last = this._editing ? undefined : this._hooks._lastOwn();
      if (last) this._editOf(last);
    } else if (event.key === "PageUp" && this._input.value === "") {
      event.preventDefault();
      this._hooks._toMessages();
    }
  }

  private _submit(): void {
    const content = this._input.value.trim();
    if (!content || this._busy || this._input.disabled || this._tooLong()) return;
    if (this._editing) return void this._save(this._editing, content);
    const reply = this._reply;
    this._reply = null;
    this._input.value = "";
    this._drafts._set(this._channel, "");
    this._show();
    this._hooks._send(content, reply);
    this._focus();
  }

  private async _save(message: ChatMessage, content: string): Promise<void> {
    if (content !== message.content) {
      this._busy = true;
      try {
        await this._hooks._edit(message, content);
      } catch {
        if (this._editing === message) this._say(this._strings.editFailed);
        return;
      } finally {
        this._busy = false;
      }
    }
    if (this._editing === message) this._cancel();
    this._focus();
  }

  private _tooLong(): boolean {
    const { value } = this._input;
    return value.length * 3 > MOST_BYTES && new TextEncoder().encode(value.trim()).length > MOST_BYTES;
  }

  private _say(trouble: string): void {
    show(this._trouble, trouble !== "");
    text(this._trouble, trouble);
  }

  private _show(): void {
    const about = this._editing ?? this._reply;
    const strings = this._strings;
    show(this._about, about !== null);
    if (about) {
      const name = about.mine ? strings.you : about.senderName;
      text(this._aboutName, this._editing ? strings.editing : strings.replyingTo(name));
      text(this._aboutText, short(about.content));
      attr(this._close, "aria-label", this._editing ? strings.cancelEdit : strings.cancelReply);
    }
    const label = this._editing ? strings.save : strings.send;
    attr(this._button, "aria-label", label);
    attr(this._button, "title", label);
    this._button.replaceChildren(icon(this._editing ? "save" : "send"));
    this._say("");
    this._grow();
  }

  /** As high as what is written, up to what the style allows. */
  private _grow(): void {
    this._root.classList.toggle("empty", this._input.value.trim() === "");
    if (CSS.supports("field-sizing", "content")) return;
    this._input.style.blockSize = "auto";
    this._input.style.blockSize = `${this._input.scrollHeight}px`;
  }
}
