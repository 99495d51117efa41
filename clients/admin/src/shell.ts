/** The frame around the views: where one is, how the daemon is, and the way out. */

import { Api, Refused, Unreachable } from "./api.ts";
import { button, focusHeading, h, setAttribute, setText } from "./dom.ts";
import { time } from "./format.ts";
import { type Poll, poll } from "./poll.ts";
import { type Reading, Sampler } from "./sampler.ts";
import { claimsOf } from "./token.ts";
import { type Context, type Open, routeTo, type View } from "./view.ts";
import { actors } from "./views/actors.ts";
import { find } from "./views/find.ts";
import { overview } from "./views/overview.ts";
import { presence } from "./views/presence.ts";
import { room } from "./views/room.ts";
import { rooms } from "./views/rooms.ts";
import { session } from "./views/session.ts";
import { sessions } from "./views/sessions.ts";

const TABS: [route: string, label: string][] = [
  ["overview", "Overview"],
  ["sessions", "Sessions"],
  ["rooms", "Rooms"],
  ["actors", "Actors"],
  ["presence", "Presence"],
];

interface Route {
  name: string;
  open: Open;
  params: URLSearchParams;
}

export class Shell {
  readonly node: HTMLElement;
  readonly #api: Api;
  readonly #sampler: Sampler;
  readonly #main = h("main", { id: "main" });
  readonly #status = h("p", { class: "status", role: "status" });
  readonly #banner = h("p", { class: "notice bad", role: "alert", hidden: true });
  readonly #said = h("p", { class: "unseen", role: "status" });
  readonly #links = TABS.map(([route, label]) => ({ route, node: h("a", { href: routeTo(route) }, label) }));
  readonly #find = h("input", { type: "search", "aria-label": "Find a user, channel or session", placeholder: "User or channel", autocomplete: "off", spellcheck: "false" });
  readonly #severalNodes: boolean;
  readonly #left: (message: string) => void;
  #view: View | undefined;
  #poll: Poll | undefined;

  constructor(token: string, severalNodes: boolean, left: (message: string) => void) {
    this.#severalNodes = severalNodes;
    this.#left = left;
    this.#api = new Api(token);
    const search = (event: Event): void => {
      event.preventDefault();
      const wanted = this.#find.value.trim();
      if (wanted) location.hash = routeTo("find", { q: wanted });
    };
    const { name, expires } = claimsOf(token);
    const until = expires === null ? null : h("span", { class: "muted" }, `token until ${time(expires)}`);
    this.node = h(
      "div",
      { class: "shell" },
      h("a", { href: "#main", class: "skip", click: (event) => this.#skip(event) }, "Skip to the content"),
      h(
        "header",
        {},
        h("p", { class: "brand" }, "tenfour"),
        h("nav", { "aria-label": "Views" }, ...this.#links.map(({ node }) => node)),
        h("form", { role: "search", "aria-label": "Everything", class: "find", submit: search }, this.#find, h("button", { type: "submit" }, "Find")),
        this.#status,
        h("p", { class: "who" }, h("bdi", {}, name ?? "Admin"), " ", until),
        button("Sign out", () => this.#leave("")),
      ),
      this.#banner,
      this.#main,
      this.#said,
    );
    addEventListener("hashchange", this.#routed);
    document.addEventListener("visibilitychange", this.#seen);
    this.#sampler = new Sampler(this.#api, (reading) => this.#sampled(reading), (refusal) => this.#refused(refusal));
    this.#told(this.#sampler.reading);
    this.#show(false);
  }

  close(): void {
    removeEventListener("hashchange", this.#routed);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#sampler.stop();
    this.#poll?.stop();
  }

  #leave(message: string): void {
    this.close();
    this.#left(message);
  }

  #refused(refusal: Refused): void {
    this.#leave(`You were signed out: ${refusal.message}.`);
  }

  readonly #routed = (): void => this.#show(true);
  readonly #seen = (): void => {
    if (document.hidden) setText(this.#status, "Paused");
  };

  /** The link's own way would change the route. */
  #skip(event: Event): void {
    event.preventDefault();
    focusHeading();
  }

  #route(): Route {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    const [name = "", rest = ""] = path.split("/", 2);
    const several = (): boolean => this.#severalNodes;
    const params = new URLSearchParams(query);
    let id = rest;
    try {
      id = decodeURIComponent(rest);
    } catch {
      // It is looked for as it is.
    }
    switch (name) {
      case "sessions":
        return { name, params, open: id ? session(id) : sessions(several) };
      case "rooms":
        return { name, params, open: id ? room(id, several) : rooms(several) };
      case "actors":
        return { name, params, open: actors };
      case "presence":
        return { name, params, open: presence(several) };
      case "find":
        return { name, params, open: find };
      default:
        return { name: "overview", params, open: overview };
    }
  }

  #show(focus: boolean): void {
    this.#poll?.stop();
    const { name, params, open } = this.#route();
    const context: Context = {
      api: this.#api,
      params,
      keep: (params) => {
        const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value));
        history.replaceState(null, "", routeTo(name, given));
      },
      refresh: () => this.#poll?.now(),
      say: (text) => setText(this.#said, text),
    };
    const view = open(context);
    this.#view = view;
    this.#find.value = (name === "find" && params.get("q")) || "";
    const heading = h("h1", { tabindex: "-1" }, view.title);
    const asOf = h("span", { class: "muted" });
    const notice = h("p", { class: "notice bad", role: "alert", hidden: true });
    const again = button("Refresh", () => this.#poll?.now(), { class: "small" });
    this.#main.replaceChildren(h("div", { class: "title" }, heading, asOf, again), notice, view.node);
    document.title = `${view.title} · tenfour admin`;
    for (const { route, node } of this.#links) setAttribute(node, "aria-current", route === name ? "page" : null);
    if (this.#sampler.reading.metrics) view.sampled?.(this.#sampler.reading);
    if (focus) {
      heading.focus();
      scrollTo(0, 0);
    }
    this.#poll = poll(async (signal) => {
      try {
        await view.refresh(signal);
        notice.hidden = true;
        setText(asOf, `as of ${time(Date.now())}`);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Refused && (error.status === 401 || error.status === 403)) return this.#refused(error);
        // That the daemon does not answer at all is said above.
        notice.hidden = error instanceof Unreachable && this.#sampler.reading.health !== "live";
        setText(notice, `This could not be brought up to date: ${error instanceof Error ? error.message : String(error)}.`);
        if (error instanceof Refused && error.status === 404) {
          setText(notice, `${error.message}.`);
          if (view.node.contains(document.activeElement)) heading.focus();
          view.node.hidden = true;
          setText(asOf, "");
        }
      }
    }, () => view.everyMs());
  }

  #sampled(reading: Reading): void {
    this.#told(reading);
    this.#view?.sampled?.(reading);
  }

  #told({ health, since, at, why }: Reading): void {
    const words = { starting: "Asking …", live: "Live", silent: "No answer", failing: "Trouble" };
    setText(this.#status, words[health]);
    setAttribute(this.#status, "class", `status ${health}`);
    setAttribute(this.node, "class", health === "silent" || health === "failing" ? "shell stale" : "shell");
    this.#banner.hidden = health === "live" || health === "starting";
    if (this.#banner.hidden) return;
    const shown = at === null ? "Nothing can be shown yet." : `What is shown is of ${time(at)}.`;
    const what = health === "silent" ? "The daemon does not answer" : `The daemon answers with trouble (${why})`;
    setText(this.#banner, `${what} since ${time(since)}. ${shown}`);
  }
}
