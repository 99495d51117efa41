/**
 * One conversation: head, messages, who types, composer.
 *
 * Used by the element, which says which channel is shown. It ties the message list and the composer to the channel.
 */
import type { Channel, ChannelInfo, ChatMessage, ClientSnapshot, TenfourClient, TenfourError } from "@tenfour/client";
import { answer, react } from "@tenfour/client/record";
import type { Announcer } from "./announcer.ts";
import { gist } from "./attached.ts";
import { dropping } from "./attaching.ts";
import { Avatar } from "./avatar.ts";
import { Composer } from "./composer.ts";
import { confirm } from "./confirm.ts";
import { attr, focused, h, scheduler, show, text } from "./dom.ts";
import type { Draft, Drafts, Subject } from "./drafts.ts";
import type { Files } from "./files.ts";
import { icon } from "./icons.ts";
import { showLoaded } from "./loaded.ts";
import { MessageList } from "./message-list.ts";
import { short } from "./message-row.ts";
import { aboutOf, colourOf, nameOf, onlineOf } from "./names.ts";
import { openOnes } from "./open.ts";
import { outgoing } from "./outgoing.ts";
import { People } from "./people.ts";
import { revisionsOf } from "./revisions.ts";
import type { Failure, Strings } from "./strings.ts";
import type { Times } from "./time.ts";
import type { Uploads } from "./uploads.ts";

/** What is to be had here. */
export interface Options {
  readonly _reactions: boolean;
  readonly _instructions: boolean;
}

export class Conversation {
  private readonly _avatar = new Avatar();
  private readonly _name = h("h2", { class: "head-name" });
  private readonly _about = h("bdi");
  private readonly _back = h("button", { class: "round back", part: "back-button" }, icon("back"));
  private readonly _openButton = h("button", { class: "round", part: "open-button" }, icon("bell"));
  private readonly _head = h(
    "header",
    { class: "head", part: "header" },
    this._back,
    this._avatar._root,
    h("div", { class: "head-text" }, this._name, h("div", { class: "head-about" }, this._about)),
    this._openButton,
  );
  private readonly _typing = h("div", { class: "typing", part: "typing", "aria-hidden": "true" });
  private readonly _toast = h("div", { class: "toast", role: "alert", hidden: true });
  private readonly _list: MessageList;
  private readonly _composer: Composer;
  private readonly _pane: HTMLElement;
  private readonly _blank: HTMLElement;
  readonly _root: HTMLElement;
  private _channel: Channel | null = null;
  private _off: (() => void)[] = [];
  private _snapshot: ClientSnapshot | null = null;
  private _wasSynced = false;
  private _toastTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly _schedule = scheduler(() => this._render());

  constructor(
    private readonly _client: TenfourClient,
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _announcer: Announcer,
    drafts: Drafts,
    uploads: Uploads | null,
    files: Files,
    _options: Options,
    back: () => void,
  ) {
    attr(this._back, "aria-label", _strings.back);
    this._back.addEventListener("click", back);
    attr(this._openButton, "aria-label", _strings.openOnes);
    attr(this._openButton, "title", _strings.openOnes);
    show(this._openButton, _options._instructions);
    this._openButton.addEventListener("click", () => this._openOnes());
    this._list = new MessageList(_strings, _times, files, {
      _act: (act, message) => this._act(act, message),
      _toComposer: () => this._composer._focus(),
      _say: (words) => this._say(words),
      _me: () => _client.user?.id ?? "",
      _notes: new Map(),
      _answer: (message, kind, note) => this._through(() => answer(_client, message.id, kind, note || undefined), _strings.answerFailed),
      _noReactions: !_options._reactions,
      _react: (message, reaction, remove) => void this._through(() => react(_client, message.id, reaction, { remove }), _strings.reactFailed),
    });
    this._composer = new Composer(_strings, _times, drafts, uploads, _options._instructions, {
      _send: (channel, draft) => this._send(channel, draft),
      _others: () => this._people()?._others() ?? [],
      _tell: (words) => _announcer._say(words),
      _edit: (channel, message, content) => this._edit(channel, message, content),
      _typed: () => this._channel?.keystroke(),
      _lastOwn: () => this._list._lastChangeable(),
      _toMessages: () => this._list._focus(),
    });
    this._pane = h("div", { class: "pane", hidden: true }, this._head, this._list._root, this._typing, this._toast, this._composer._root);
    const { _attaching: attaching } = this._composer;
    dropping(this._pane, _strings, () => attaching._takes, (files) => attaching._add(files));
    this._blank = h(
      "div",
      { class: "blank" },
      icon("chat"),
      h("p", { class: "blank-title" }, _strings.chooseChannel),
      h("p", {}, _strings.chooseChannelHint),
    );
    this._root = h("section", { class: "main", part: "conversation" }, this._pane, this._blank);
  }

  _start(): void {
    this._list._start();
    // At once, and not with the next frame: what came before that was not seen, and what comes after it is.
    const look = () => {
      this._update(this._client.getSnapshot());
      this._render();
    };
    document.addEventListener("visibilitychange", look);
    this._off.push(() => document.removeEventListener("visibilitychange", look));
    this._off.push(
      this._client.on("message.new", (message) => {
        if (message.channelId !== this._channel?.id || message.mine) return;
        this._announcer._message(`${message.senderName}: ${short(gist(message))}`);
      }),
      this._client.on("message.deleted", (message) => this._composer._gone(message)),
    );
  }

  _stop(): void {
    this._close();
    for (const off of this._off.splice(0)) off();
    this._list._stop();
    this._composer._attaching._stop();
    this._schedule._stop();
    clearTimeout(this._toastTimer);
  }

  /** Shows a channel; null shows none. */
  _open(id: string | null): void {
    if (this._channel?.id === id) return;
    this._close();
    show(this._pane, id !== null);
    show(this._blank, id === null);
    if (id === null) return;
    const channel = (this._channel = this._client.channel(id));
    this._announcer._clear();
    const off = channel.subscribe(() => this._schedule._ask());
    this._leave = off;
    const shot = channel.getSnapshot();
    this._composer._open(id, shot.joined ? nameOf(shot, this._strings) : "");
    this._list._open(channel);
    this._members(channel);
    this._render();
  }

  _update(snapshot: ClientSnapshot): void {
    this._snapshot = snapshot;
    if (snapshot.connection.synced && !this._wasSynced) {
      this._asked = null;
      this._list._again();
    }
    this._wasSynced = snapshot.connection.synced;
    if (this._channel) this._members(this._channel);
    this._schedule._ask();
  }

  _focus(options?: FocusOptions): void {
    this._composer._focus(options);
  }

  /** Shows a message of the channel that is open, as soon as there is something to show. */
  _goTo(id: string, seq: number): void {
    this._list._goTo(id, seq);
  }

  _draftsKnown(): void {
    this._composer._reload();
  }

  private _leave: () => void = () => {};

  private _close(): void {
    this._leave();
    this._leave = () => {};
    this._channel = null;
  }

  /** Who has read what is told live, and asked for once a connection, whatever comes of it. */
  private _asked: Channel | null = null;
  private _members(channel: Channel): void {
    const { joined, type, members } = channel.getSnapshot();
    if (!joined || type !== "group" || members || this._asked === channel || !this._wasSynced) return;
    this._asked = channel;
    channel.loadMembers().catch(() => {});
  }

  private _render(): void {
    const { _channel: channel, _snapshot: snapshot } = this;
    if (!channel || !snapshot) return;
    const shot = channel.getSnapshot();
    this._headOf(shot, snapshot);
    const known = shot.joined || !snapshot.connection.synced;
    this._composer._enable(known);
    this._list._update(shot, this._client.connection.synced);
  }

  private _headOf(channel: ChannelInfo, snapshot: ClientSnapshot): void {
    const strings = this._strings;
    const name = channel.joined ? nameOf(channel, strings) : "";
    this._avatar._update(colourOf(channel), name, channel.type === "group", onlineOf(channel, snapshot));
    this._name.replaceChildren(h("bdi", {}, name));
    if (channel.joined) this._composer._open(channel.id, name);
    this._list._name(name);
    const about = channel.joined ? aboutOf(channel, snapshot, strings, this._times) : "";
    show(this._about.parentElement!, about !== "");
    text(this._about, about);
    const words = channel.typing.length > 0 ? strings.typing(channel.typing.map(({ name }) => name)) : "";
    if (this._typing.dataset["words"] === words) return;
    this._typing.dataset["words"] = words;
    this._typing.replaceChildren(...(words ? [h("span", { class: "dots" }, h("i"), h("i"), h("i")), h("bdi", {}, words)] : []));
    this._announcer._say(words);
  }

  private _send(channel: string, draft: Draft): void {
    this._client
      .channel(channel)
      .send(outgoing(draft))
      .catch((error: TenfourError) => {
        // Whatever else becomes of it is shown with the message; this one was never taken.
        if (error.code !== "outbox_full") return;
        this._composer._giveBack(channel, draft);
        this._say(this._strings.outboxFull);
      });
    if (channel === this._channel?.id) this._list._sent();
  }

  private _act(act: string, message: ChatMessage): void {
    const channel = this._channel;
    if (!channel) return;
    if (act === "reply") this._composer._replyTo(message);
    else if (act === "edit") this._composer._editOf(message);
    else if (act === "delete") void this._delete(channel, message);
    else if (act === "history") void this._history(message);
    else if (act === "retry") channel.retry(message.clientId).catch(() => {});
    else if (act === "cancel") channel.cancel(message.clientId);
    if (act === "retry" || act === "cancel") this._composer._focus();
  }

  private async _edit(channel: string, { id }: Subject, content: string): Promise<string> {
    const why = await this._failure(() => this._client.channel(channel).edit(id, content));
    return why && this._strings.editFailed(why);
  }

  /** Why it did not go through, as far as is known; "" where it did. */
  private async _failure(change: () => Promise<unknown>): Promise<Failure | ""> {
    // It begins no call without a connection; a call that breaks off may have done it.
    const connected = this._client.connection.state === "connected";
    try {
      await change();
      return "";
    } catch (thrown) {
      const { status = 0 } = thrown as TenfourError;
      return !connected ? "offline" : status >= 400 && status < 500 ? "refused" : "unknown";
    }
  }

  /** True where it went through; what else became of it is said. */
  private async _through(change: () => Promise<unknown>, failed: (why: Failure) => string): Promise<boolean> {
    const why = await this._failure(change);
    if (why) this._say(failed(why));
    return !why;
  }

  private async _delete(channel: Channel, message: ChatMessage): Promise<void> {
    const strings = this._strings;
    const sure = await confirm(this._root, strings.deleteTitle, strings.deleteText, strings.delete, strings.keep);
    this._list._focusOn(message);
    if (sure) await this._through(() => channel.delete(message.id), strings.deleteFailed);
  }

  private async _history(message: ChatMessage): Promise<void> {
    const before = focused(this._root);
    const { _client: client, _strings: strings, _times: times } = this;
    const load = () => revisionsOf(client, message, strings, times);
    await showLoaded(this._root, strings.history, strings, load, (call) => this._failure(call));
    // The browser gives it back to where it was, unless that is gone or never had it.
    if (!before || focused(this._root) !== before) this._list._focusOn(message);
  }

  private _people(): People | undefined {
    const shot = this._channel?.getSnapshot();
    return shot && People._of(this._list._people, this._client.user?.id ?? "", shot, shot.messages);
  }

  /** What is open here, to be gone to. */
  private _openOnes(): void {
    const { _client: client, _strings: strings, _channel: channel } = this;
    const people = this._people();
    if (!channel || !people) return;
    const load = (close: () => void) =>
      openOnes(client, channel.id, people, strings, this._times, ({ id, seq }) => {
        close();
        this._goTo(id, seq);
      });
    void showLoaded(this._root, strings.openOnes, strings, load, (call) => this._failure(call));
  }

  /** A word of trouble that goes by itself. */
  private _say(words: string): void {
    text(this._toast, words);
    show(this._toast, true);
    clearTimeout(this._toastTimer);
    this._toastTimer = setTimeout(() => show(this._toast, false), 6_000);
  }
}
