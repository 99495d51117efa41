/**
 * Where messages are written: a field that grows, the bar of a reply or an edit above it, the button.
 *
 * Used by the conversation. What is being written stands among the drafts, and here only as it is shown; sending and
 * changing is done by whoever made it.
 */
import type { ChatMessage } from "@tenfour/client";
import { Asking } from "./asking.ts";
import { Attaching } from "./attaching.ts";
import { gist } from "./attached.ts";
import { attr, focused, h, show, text } from "./dom.ts";
import { subject } from "./drafts.ts";
import type { Draft, Drafts, Subject } from "./drafts.ts";
import { icon } from "./icons.ts";
import { short } from "./message-row.ts";
import { Naming } from "./naming.ts";
import type { Named } from "./naming.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";
import type { Uploads } from "./uploads.ts";

export interface ComposerHooks {
  _send(channel: string, draft: Draft): void;
  /** Who may be named. */
  _others(): readonly Named[];
  /** Reads something out. */
  _tell(words: string): void;
  /** Says what went wrong, or "": what did not go through stays in the field. */
  _edit(channel: string, message: Subject, content: string): Promise<string>;
  _typed(): void;
  /** The newest of one's own messages that can be changed. */
  _lastOwn(): ChatMessage | undefined;
  _toMessages(): void;
}

/** What the daemon takes at most by default. */
const MOST_BYTES = 16_384;

export class Composer {
  private readonly _input = h("textarea", { class: "input", part: "input", rows: 1, dir: "auto", enterkeyhint: "send", autocomplete: "off" });
  private readonly _button = h("button", { class: "send", part: "send-button" });
  private readonly _aboutName = h("bdi", { class: "quote-name" });
  private readonly _aboutText = h("span", { class: "quote-text", dir: "auto" });
  private readonly _close = h("button", { class: "round" }, icon("close"));
  private readonly _about = h(
    "div",
    { class: "about", part: "reply", hidden: true },
    h("div", { class: "about-text" }, this._aboutName, this._aboutText),
    this._close,
  );
  private readonly _trouble = h("div", { class: "trouble", role: "alert", hidden: true });
  readonly _attaching: Attaching;
  private readonly _asking: Asking;
  private readonly _naming: Naming;
  readonly _root: HTMLFormElement;
  private _channel = "";
  /** Changes that are under way, by message. */
  private readonly _saving = new Map<string, { readonly content: string; readonly done: Promise<string> }>();

  constructor(
    private readonly _strings: Strings,
    times: Times,
    private readonly _drafts: Drafts,
    private readonly _uploads: Uploads | null,
    asks: boolean,
    private readonly _hooks: ComposerHooks,
  ) {
    const attaching = (this._attaching = new Attaching(_strings, times, _uploads, {
      _say: (trouble) => this._say(trouble),
      _tell: _hooks._tell,
      _focus: () => this._focus(),
      _changed: () => this._grow(),
      _ready: (channel) => this._out(channel),
    }));
    this._asking = new Asking(_strings, asks, (ask) => {
      this._keep({ ask });
      attaching._release();
      this._fill();
      if (ask === undefined) this._focus();
    });
    this._naming = new Naming(_strings, this._input, () => _hooks._others(), (who) => {
      this._keep({ mentions: [...(this._draft.mentions ?? []), who] });
      this._onInput();
    });
    this._root = h(
      "form",
      { class: "composer", part: "composer" },
      this._about,
      this._trouble,
      this._asking._root,
      attaching._root,
      this._naming._root,
      h("div", { class: "writing" }, attaching._input, this._input, this._asking._button, attaching._button, this._button),
    );
    this._input.addEventListener("paste", (event) => attaching._pasted(event));
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
    this._fill();
  }

  /** Shows the draft of a channel. `name`: "" while it is not known. */
  _open(channel: string, name: string): void {
    if (channel !== this._channel) {
      this._channel = channel;
      this._attaching._open(channel);
      this._fill();
    }
    attr(this._input, "placeholder", this._strings.message);
    attr(this._input, "aria-label", name ? this._strings.messageTo(name) : this._strings.message);
  }

  /** The user became known, and so did the drafts: what was typed meanwhile comes after what was kept. */
  _reload(): void {
    const { _input: input } = this;
    const [from, to] = [input.selectionStart, input.selectionEnd].map((at) => input.value.length - at);
    this._fill();
    const end = input.value.length;
    // Where it has no focus, some browsers would give it that.
    if (focused(input) === input) input.setSelectionRange(Math.max(0, end - from!), Math.max(0, end - to!));
  }

  _enable(on: boolean): void {
    if (this._input.disabled === !on) return;
    this._input.disabled = this._button.disabled = this._asking._button.disabled = !on;
    this._attaching._enable(on);
    this._judge();
  }

  _focus(options?: FocusOptions): void {
    this._input.focus(options);
  }

  _replyTo(message: ChatMessage): void {
    this._keep({ edit: undefined, reply: { ...subject(message), content: gist(message) } });
    this._fill();
    this._focus();
  }

  _editOf(message: ChatMessage): void {
    this._keep({ edit: { message: subject(message), text: message.content } });
    this._fill();
    this._focus();
    this._input.setSelectionRange(message.content.length, message.content.length);
  }

  /** What could not be taken is not lost. */
  _giveBack(channel: string, sent: Draft): void {
    const draft = this._drafts._get(channel);
    if (draft.text || draft.files) return;
    this._drafts._set(channel, { ...sent, ...draft, text: sent.text, files: sent.files?.length ? sent.files : undefined });
    if (channel === this._channel) this._fill();
  }

  /** A message that is answered or edited, here or elsewhere, is gone. */
  _gone({ channelId, id }: ChatMessage): void {
    const draft = this._drafts._get(channelId);
    if (draft.reply?.id !== id && draft.edit?.message.id !== id) return;
    const { reply, edit } = draft;
    this._drafts._set(channelId, { ...draft, reply: reply?.id === id ? undefined : reply, edit: edit?.message.id === id ? undefined : edit });
    if (channelId === this._channel) this._fill();
  }

  private get _draft(): Draft {
    return this._drafts._get(this._channel);
  }

  private _keep(change: Partial<Draft>): void {
    this._drafts._set(this._channel, { ...this._draft, ...change });
  }

  /** Gives up the edit, or else the reply. True if there was something to give up. */
  private _cancel(): boolean {
    const { reply, edit } = this._draft;
    if (!reply && !edit) return false;
    this._keep(edit ? { edit: undefined } : { reply: undefined });
    this._fill();
    return true;
  }

  private _onInput(): void {
    const { value } = this._input;
    const { edit } = this._draft;
    this._keep(edit ? { edit: { ...edit, text: value } } : { text: value });
    this._attaching._release();
    if (!edit && value) this._hooks._typed();
    // An edit leaves whom a message names.
    if (!edit) this._naming._look();
    this._judge();
    this._grow();
  }

  private _onKey(event: KeyboardEvent): void {
    // While a word is being composed the keys belong to the input method; 229 is how older ones say it.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this._submit();
    } else if (event.key === "Tab" && !event.shiftKey) {
      if (this._naming._first()) event.preventDefault();
    } else if (event.key === "Escape") {
      const names = this._naming._root;
      if (!names.hidden) show(names, false);
      else if (this._cancel()) event.stopPropagation();
    } else if (event.key === "ArrowUp" && this._input.value === "" && !event.shiftKey) {
      event.preventDefault();
      const last = this._draft.edit ? undefined : this._hooks._lastOwn();
      if (last) this._editOf(last);
    } else if (event.key === "PageUp" && this._input.value === "") {
      event.preventDefault();
      this._hooks._toMessages();
    }
  }

  private _submit(): void {
    const content = this._input.value.trim();
    const { edit } = this._draft;
    if ((!content && (edit || !this._attaching._some)) || this._input.disabled || this._tooLong()) return;
    this._focus();
    if (edit) return void this._save(this._channel, edit.message, content);
    if (!this._attaching._holds(this._channel)) this._out(this._channel);
  }

  /** The draft of a channel goes out, with its files. */
  private _out(channel: string): void {
    const files = this._uploads?._take(channel) ?? [];
    const { edit, ...draft } = this._drafts._get(channel);
    if (!draft.text.trim() && files.length === 0) return;
    this._drafts._set(channel, { text: "", edit });
    if (channel === this._channel) this._fill();
    this._hooks._send(channel, { ...draft, files });
  }

  /** Nothing waits for it: meanwhile the edit may be given up, or the channel left. */
  private async _save(channel: string, message: Subject, content: string): Promise<void> {
    const { id } = message;
    const before = this._saving.get(id);
    if (before?.content === content) return;
    this._say("");
    let trouble = "";
    if (before || content !== message.content) {
      // One after the other: the last one is what is meant.
      const done = (before?.done ?? Promise.resolve("")).then(() => this._hooks._edit(channel, message, content));
      const saving = { content, done };
      this._saving.set(id, saving);
      trouble = await done;
      if (this._saving.get(id) === saving) this._saving.delete(id);
    }
    const { edit, ...draft } = this._drafts._get(channel);
    if (edit?.message.id !== id) return;
    if (trouble) {
      if (channel === this._channel) this._say(trouble);
      return;
    }
    // What was typed since is a change of what is saved now.
    const more = edit.text.trim() !== content;
    this._drafts._set(channel, more ? { ...draft, edit: { ...edit, message: { ...message, content } } } : draft);
    if (channel === this._channel && !more) this._fill();
  }

  private _tooLong(): boolean {
    const { value } = this._input;
    return value.length * 3 > MOST_BYTES && new TextEncoder().encode(value.trim()).length > MOST_BYTES;
  }

  /** Says why it cannot be sent, if that is so. */
  private _judge(): void {
    const { notMember, tooLong } = this._strings;
    this._say(this._input.disabled ? notMember : this._tooLong() ? tooLong : "");
  }

  private _say(trouble: string): void {
    show(this._trouble, trouble !== "");
    text(this._trouble, trouble);
  }

  /** Shows what the draft holds. */
  private _fill(): void {
    const { text: words, reply, edit, ask } = this._draft;
    const strings = this._strings;
    const value = edit ? edit.text : words;
    // Setting it moves the caret.
    if (this._input.value !== value) this._input.value = value;
    const about = edit?.message ?? reply;
    show(this._about, about !== undefined);
    if (about) {
      const name = about.mine ? strings.you : about.senderName;
      text(this._aboutName, edit ? strings.editing : strings.replyingTo(name));
      text(this._aboutText, short(about.content));
      attr(this._close, "aria-label", edit ? strings.cancelEdit : strings.cancelReply);
    }
    const label = edit ? strings.save : strings.send;
    attr(this._button, "aria-label", label);
    attr(this._button, "title", label);
    this._button.replaceChildren(icon(edit ? "save" : "send"));
    this._attaching._edits(edit !== undefined);
    this._asking._show(ask, edit !== undefined);
    show(this._naming._root, false);
    this._judge();
    this._grow();
  }

  /** As high as what is written, up to what the style allows. */
  private _grow(): void {
    this._root.classList.toggle("empty", this._input.value.trim() === "" && (this._draft.edit !== undefined || !this._attaching._some));
    if (CSS.supports("field-sizing", "content")) return;
    this._input.style.blockSize = "auto";
    this._input.style.blockSize = `${this._input.scrollHeight}px`;
  }
}
