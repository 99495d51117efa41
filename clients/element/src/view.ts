/**
 * All that is shown for one client: banner, conversations, the open conversation, what is read out.
 *
 * Made by the element, anew for each client and language.
 */
import type { TenfourClient } from "@tenfour/client";
import { Announcer } from "./announcer.ts";
import { Banner } from "./banner.ts";
import { ChannelList } from "./channel-list.ts";
import { Conversation } from "./conversation.ts";
import type { Options } from "./conversation.ts";
import { h, scheduler } from "./dom.ts";
import type { Drafts } from "./drafts.ts";
import { Files } from "./files.ts";
import type { Strings } from "./strings.ts";
import { Times } from "./time.ts";
import type { Uploads } from "./uploads.ts";

export interface ViewHooks {
  _chosen(id: string | null): void;
  _unread(total: number): void;
}

export class View {
  private readonly _announcer: Announcer;
  private readonly _banner: Banner;
  private readonly _channels: ChannelList;
  private readonly _conversation: Conversation;
  private readonly _files: Files;
  private readonly _root: HTMLElement;
  private readonly _off: () => void;
  /** What a move within the page would lose: the browser forgets it with the node. */
  private readonly _scrolled = new Map<Element, number>();
  private _focused: HTMLElement | null = null;
  private _chosen: string | null = null;
  private _unread = -1;
  private _user = "";
  /** Times such as "last seen" grow old. */
  private readonly _clock = setInterval(() => this._schedule._ask(), 30_000);
  private readonly _schedule = scheduler(() => this._render());

  constructor(
    shadow: ShadowRoot,
    private readonly _client: TenfourClient,
    strings: Strings,
    lang: string,
    private readonly _drafts: Drafts,
    uploads: Uploads | null,
    options: Options,
    private readonly _hooks: ViewHooks,
  ) {
    this._files = new Files(_client);
    uploads?._bind(_client);
    const times = new Times(strings, lang);
    this._announcer = new Announcer(strings.newMessages);
    this._banner = new Banner(strings, (words) => this._announcer._say(words), () => this._again());
    this._channels = new ChannelList(_client, strings, times, this._drafts, (id, message) => this._choose(id, message));
    this._conversation = new Conversation(_client, strings, times, this._announcer, this._drafts, uploads, this._files, options, () => this._back());
    this._root = h(
      "div",
      { class: "root", part: "root" },
      this._banner._root,
      h("div", { class: "columns" }, this._channels._root, this._conversation._root),
      this._announcer._log,
      this._announcer._status,
    );
    shadow.replaceChildren(this._root);
    this._root.addEventListener("scroll", ({ target }) => this._scrolled.set(target as Element, (target as Element).scrollTop), true);
    this._root.addEventListener("focusin", ({ target }) => (this._focused = target as HTMLElement));
    // A node that is taken out may lose the focus with a word or without one; a move is over before this is asked.
    this._root.addEventListener("focusout", () => queueMicrotask(() => (this._focused = shadow.activeElement as HTMLElement | null)));
    this._off = _client.subscribe(() => this._schedule._ask());
    this._conversation._start();
    this._render();
  }

  _stop(): void {
    this._off();
    clearInterval(this._clock);
    this._channels._stop();
    this._schedule._stop();
    this._banner._stop();
    this._conversation._stop();
    this._files._stop();
    this._root.remove();
  }

  /** After a move within the page: everything is where it was. */
  _resume(): void {
    for (const [element, top] of this._scrolled) element.scrollTop = top;
    this._focused?.focus({ preventScroll: true });
  }

  /** Shows a channel by the page's will; null shows none. */
  _show(id: string | null): void {
    this._chosen = id;
    this._root.dataset["show"] = id === null ? "list" : "chat";
    this._conversation._open(id);
    this._render();
  }

  _focus(options?: FocusOptions): void {
    if (this._chosen === null) this._channels._focusNear(null);
    else this._conversation._focus(options);
  }

  private _render(): void {
    const snapshot = this._client.getSnapshot();
    if (snapshot.user && snapshot.user.id !== this._user) {
      this._user = snapshot.user.id;
      this._drafts._bind(this._user);
      this._conversation._draftsKnown();
    }
    this._banner._update(snapshot);
    this._channels._update(snapshot, this._chosen);
    this._conversation._update(snapshot);
    const { total } = snapshot.unread;
    if (total !== this._unread) {
      this._unread = total;
      this._hooks._unread(total);
    }
  }

  private _choose(id: string, message?: { id: string; seq: number }): void {
    const other = id !== this._chosen;
    this._show(id);
    // The focus goes along to the message.
    if (message) this._conversation._goTo(message.id, message.seq);
    // On a phone the keyboard would cover what was just opened.
    else if (!matchMedia("(pointer: coarse)").matches) this._conversation._focus();
    if (other) this._hooks._chosen(id);
  }

  /** In one column: back to the conversations. */
  private _back(): void {
    const was = this._chosen;
    this._show(null);
    this._channels._focusNear(was);
    this._hooks._chosen(null);
  }

  private _again(): void {
    if (this._client.connection.state !== "disconnected") this._client.disconnect();
    this._client.connect().catch(() => {});
  }
}
