/**
 * `<tenfour-chat>`: the element itself. It takes attributes and properties, makes the client where none is given, and puts
 * the views together.
 *
 * Made by the page. What it made itself (a client, listeners) ends when it is taken from the page; a client that was given
 * to it is left as it is.
 */
import { indexedDbStore } from "@tenfour/client/indexeddb";
import { TenfourClient } from "@tenfour/client";
import type { GetToken } from "@tenfour/client";
import { Drafts } from "./drafts.ts";
import { english } from "./strings.ts";
import type { Strings } from "./strings.ts";
import { sheets } from "./styles.ts";
import { Uploads } from "./uploads.ts";
import { View } from "./view.ts";

/** On a server there are no elements; the module can be loaded all the same. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

export class TenfourChat extends Base {
  static readonly observedAttributes = ["url", "channel", "lang", "attachments", "reactions", "instructions"];

  private _given: TenfourClient | null = null;
  private _own: TenfourClient | null = null;
  private _ask: GetToken | null = null;
  private _words: Strings = english;
  private _view: View | null = null;
  private _lang = "";
  /** They outlast the view: other words are no reason to lose what was typed. */
  private _drafts = new Drafts();
  private _uploads = new Uploads(this._drafts);
  private _shown: string | null = null;
  private _pending = false;
  private _wantsFocus: FocusOptions | null = null;

  constructor() {
    super();
    this.attachShadow({ mode: "open", delegatesFocus: false }).adoptedStyleSheets = sheets();
  }

  /** An existing client; without one the element makes its own of `url` and `getToken`. */
  get client(): TenfourClient | null {
    return this._given ?? this._own;
  }

  set client(client: TenfourClient | null) {
    if (client === this._given) return;
    this._given = client;
    this._renew();
  }

  /** Gives the token of the signed-in user. */
  get getToken(): GetToken | null {
    return this._ask;
  }

  set getToken(getToken: GetToken | null) {
    if (getToken === this._ask) return;
    const had = this._ask !== null;
    this._ask = getToken;
    // A client that runs takes the new one with its next question.
    if (!had || !getToken) this._renew();
  }

  /** All words that are shown; given in part, the others stay English. */
  get strings(): Strings {
    return this._words;
  }

  set strings(strings: Partial<Strings>) {
    const words = { ...english, ...strings };
    // A framework may set equal ones each time that it renders.
    if ((Object.keys(words) as (keyof Strings)[]).every((name) => words[name] === this._words[name])) return;
    this._words = words;
    this._renew(true);
  }

  /** Of the daemon; by default where the page comes from. */
  get url(): string {
    return this.getAttribute("url") ?? "";
  }

  set url(url: string) {
    this.setAttribute("url", url);
  }

  get theme(): string {
    return this.getAttribute("theme") ?? "";
  }

  set theme(theme: string) {
    if (theme) this.setAttribute("theme", theme);
    else this.removeAttribute("theme");
  }

  /** The id of the channel that is shown, or null. What is set is shown, also if it was set before. */
  get channel(): string | null {
    return this._shown;
  }

  set channel(id: string | null) {
    this._shown = id || null;
    this._view?._show(this._shown);
  }

  /** Puts the focus into the composer, once there is one; without a channel into the list of them. */
  override focus(options?: FocusOptions): void {
    this._view?._focus(options);
    this._wantsFocus = this._view ? null : (options ?? {});
  }

  /**
   * Signs out: the client is closed for good, a given one too, and nothing that was kept of the user stays on the device.
   * With a new `getToken` or `client` it begins anew.
   */
  async signOut(): Promise<void> {
    const client = this.client ?? this._client(async () => "");
    this._given = this._own = this._ask = null;
    this._end();
    this._drafts._purge();
    this._forget();
    this._shown = null;
    this._tell("tenfour-unread", { total: 0 });
    await client.close({ purge: true });
  }

  connectedCallback(): void {
    // What was set before the element was defined lies over the accessors.
    for (const name of ["client", "getToken", "strings", "channel", "url", "theme"] as const) {
      if (!Object.prototype.hasOwnProperty.call(this, name)) continue;
      const value = this[name];
      delete (this as Record<string, unknown>)[name];
      (this as Record<string, unknown>)[name] = value;
    }
    // Moved within the page: all stays as it is.
    if (this._view && this._lang === this._language()) this._view._resume();
    else this._renew(true);
  }

  disconnectedCallback(): void {
    // Moving it to another place in the page is not the end of it.
    queueMicrotask(() => {
      if (!this.isConnected) this._end();
    });
  }

  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    // Set again it means the same as the property: show this one, whatever the reader chose since.
    if (name === "channel") this.channel = value;
    else if (before === value) return;
    else if (this._view) this._renew(name !== "url");
  }

  /** Starts over, once for all that is set in one go. `keep`: with the same client. */
  private _renew(keep = false): void {
    if (!this.isConnected) return;
    if (this.shadowRoot!.activeElement) this._wantsFocus = { preventScroll: true };
    if (!keep) {
      this._closeOwn();
      // Another user may be next; the same one finds theirs again.
      this._forget();
    }
    this._view?._stop();
    this._view = null;
    if (this._pending) return;
    this._pending = true;
    queueMicrotask(() => {
      this._pending = false;
      if (this.isConnected && !this._view) this._begin();
    });
  }

  private _begin(): void {
    if (!this._given && !this._own && this._ask) {
      this._own = this._client((context) => this._ask!(context));
    }
    const { client } = this;
    if (!client) return;
    // That it could not connect is shown by the banner.
    client.connect().catch(() => {});
    this._lang = this._language();
    const on = (name: string) => this.getAttribute(name) !== "off";
    const options = { _reactions: on("reactions"), _instructions: on("instructions") };
    this._view = new View(this.shadowRoot!, client, this._words, this._lang, this._drafts, on("attachments") ? this._uploads : null, options, {
      _chosen: (id) => {
        this._shown = id;
        this._tell("tenfour-channel", { channelId: id });
      },
      _unread: (total) => this._tell("tenfour-unread", { total }),
    });
    this._view._show(this._shown);
    if (this._wantsFocus) this.focus(this._wantsFocus);
  }

  private _client(getToken: GetToken): TenfourClient {
    const { url } = this;
    return new TenfourClient({
      ...(url && { url: new URL(url, location.href).href }),
      getToken,
      store: indexedDbStore(url ? { name: `tenfour ${new URL(url, location.href).origin}` } : {}),
    });
  }

  private _language(): string {
    return this.closest("[lang]")?.getAttribute("lang") ?? document.documentElement.lang;
  }

  private _end(): void {
    this._view?._stop();
    this._view = null;
    this._uploads._stop();
    this._uploads = new Uploads(this._drafts);
    this._closeOwn();
  }

  private _forget(): void {
    this._uploads._stop();
    this._drafts = new Drafts();
    this._uploads = new Uploads(this._drafts);
  }

  private _closeOwn(): void {
    void this._own?.close();
    this._own = null;
  }

  private _tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
