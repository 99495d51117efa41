/**
 * The conversations: who, what was said last and when, how much is unread, who is there; filtered by name; and the
 * messages that are searched for, below.
 *
 * Used by the element. A listbox with one stop for Tab and arrow keys inside. It also fetches a few messages of channels that
 * are shown and hold none, so that there is something to say about them.
 */
import type { ChannelInfo, ClientSnapshot, TenfourClient } from "@tenfour/client";
import { gist } from "./attached.ts";
import { Avatar } from "./avatar.ts";
import { arrange, attr, h, show, text } from "./dom.ts";
import type { Drafts } from "./drafts.ts";
import { Found } from "./found.ts";
import { icon } from "./icons.ts";
import { short } from "./message-row.ts";
import { colourOf, nameOf, onlineOf } from "./names.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

/** Channels that get a preview without being opened, and how many are asked for at a time. */
const PREVIEWS = 60;
const AT_ONCE = 2;
const PREVIEW_PAGE = 15;

class Item {
  private readonly _avatar = new Avatar();
  private readonly _name = h("bdi");
  private readonly _time = h("time", { class: "item-time" });
  private readonly _last = h("span", { class: "item-last" });
  private readonly _badge = h("span", { class: "badge", part: "badge", "aria-hidden": "true" });
  private readonly _more = h("span", { class: "sr" });
  readonly _root = h(
    "div",
    { class: "item", role: "option", tabindex: -1, part: "channel" },
    this._avatar._root,
    h(
      "div",
      { class: "item-text" },
      h("div", { class: "item-row" }, h("div", { class: "item-name" }, this._name), this._time),
      h("div", { class: "item-row" }, this._last, this._badge),
    ),
    this._more,
  );

  private _state: readonly unknown[] = [];

  constructor(readonly _id: string) {
    this._root.dataset["channel"] = _id;
  }

  _update(channel: ChannelInfo, snapshot: ClientSnapshot, draft: string, chosen: boolean, strings: Strings, times: Times): void {
    const name = nameOf(channel, strings);
    const online = onlineOf(channel, snapshot);
    // Many channels, and mostly one of them has changed.
    const state = [channel, draft, chosen, online, new Date().toDateString()];
    if (state.every((it, i) => it === this._state[i])) return;
    this._state = state;
    this._avatar._update(colourOf(channel), name, channel.type === "group", online);
    text(this._name, name);
    const { lastMessage: last, typing } = channel;
    text(this._time, last ? times._short(last.createdAt) : "");
    attr(this._time, "datetime", last?.createdAt);
    this._preview(channel, typing.length > 0 ? "typing" : draft && !chosen ? "draft" : "", draft, strings);
    show(this._badge, channel.unread > 0);
    text(this._badge, channel.unread > 99 ? "99+" : String(channel.unread));
    text(this._more, [channel.unread > 0 && strings.unread(channel.unread), online && strings.online].filter(Boolean).join(", "));
    this._root.classList.toggle("has-unread", channel.unread > 0);
    attr(this._root, "aria-selected", chosen ? "true" : "false");
    attr(this._root, "part", chosen ? "channel channel-current" : "channel");
  }

  private _preview({ lastMessage: last, type }: ChannelInfo, kind: string, draft: string, strings: Strings): void {
    const line = this._last;
    line.className = `item-last ${kind && `is-${kind}`}`;
    if (kind === "typing") return text(line, strings.typingShort);
    const who = kind === "draft" ? strings.draft : last?.mine ? strings.you : type === "group" ? last?.senderName : "";
    const said = kind === "draft" ? short(draft) : !last ? "" : last.deletedAt ? strings.deleted : short(gist(last));
    line.replaceChildren(
      ...(who && said ? [h("span", { class: "item-who" }, h("bdi", {}, who), ": ")] : []),
      h("bdi", { class: "item-said" }, said),
    );
  }
}

export class ChannelList {
  private readonly _search = h("input", { class: "search", part: "search", type: "search", autocomplete: "off", spellcheck: "false" });
  private readonly _box = h("div", { class: "channels", role: "listbox", part: "channels" });
  private readonly _none = h("div", { class: "nothing", hidden: true });
  readonly _root: HTMLElement;
  private readonly _found: Found;
  private readonly _items = new Map<string, Item>();
  private _shown: string[] = [];
  private _chosen: string | null = null;
  private _tab: string | null = null;
  private _snapshot: ClientSnapshot | null = null;
  /** Whatever came of it: what fails is asked for again with the next connection, and not before. */
  private readonly _asked = new Set<string>();
  private _asking = 0;
  private _stopped = false;

  constructor(
    private readonly _client: TenfourClient,
    private readonly _strings: Strings,
    private readonly _times: Times,
    private readonly _drafts: Drafts,
    private readonly _choose: (id: string, message?: { id: string; seq: number }) => void,
  ) {
    this._found = new Found(_client, _strings, _times, {
      _choose: (channelId, id, seq) => _choose(channelId, { id, seq }),
      _up: () => this._focusLast(),
    });
    attr(this._search, "placeholder", _strings.search);
    attr(this._search, "aria-label", _strings.search);
    attr(this._box, "aria-label", _strings.channels);
    this._root = h(
      "nav",
      { class: "side", part: "sidebar", "aria-label": _strings.channels },
      h("div", { class: "side-head" }, h("div", { class: "search-box" }, icon("search"), this._search)),
      this._box,
      this._none,
      this._found._root,
    );
    this._search.addEventListener("input", () => this._onSearch());
    this._search.addEventListener("keydown", (event) => this._onSearchKey(event));
    this._box.addEventListener("keydown", (event) => this._onKey(event));
    this._box.addEventListener("click", (event) => {
      const id = (event.target as Element).closest<HTMLElement>("[data-channel]")?.dataset["channel"];
      if (id) this._choose(id);
    });
  }

  /** Nothing more is asked for. */
  _stop(): void {
    this._stopped = true;
    this._found._stop();
  }

  _update(snapshot: ClientSnapshot, chosen: string | null): void {
    if (snapshot.connection.synced && !this._snapshot?.connection.synced) this._asked.clear();
    this._snapshot = snapshot;
    this._chosen = chosen;
    this._render();
    this._fetch();
  }

  /** Puts the focus on a conversation, or the first. */
  _focusNear(wanted: string | null): void {
    const id = wanted && this._shown.includes(wanted) ? wanted : this._shown[0];
    if (id) this._focusOn(id);
    else this._search.focus();
  }

  private _render(): void {
    const snapshot = this._snapshot;
    if (!snapshot) return;
    const wanted = fold(this._search.value);
    const strings = this._strings;
    const channels = sorted(snapshot.channels, strings).filter((it) => fold(nameOf(it, strings)).includes(wanted));
    this._shown = channels.map(({ id }) => id);
    const tab = [this._tab, this._chosen].find((id) => id && this._shown.includes(id)) ?? this._shown[0];
    const there = new Set(snapshot.channels.map(({ id }) => id));
    for (const id of this._items.keys()) if (!there.has(id)) this._items.delete(id);
    const roots = channels.map((channel) => {
      let item = this._items.get(channel.id);
      if (!item) this._items.set(channel.id, (item = new Item(channel.id)));
      const { text: content, files } = this._drafts._get(channel.id);
      const draft = gist({ content, attachments: files });
      item._update(channel, snapshot, draft, channel.id === this._chosen, strings, this._times);
      attr(item._root, "tabindex", channel.id === tab ? 0 : -1);
      return item._root;
    });
    arrange(this._box, roots);
    show(this._box, roots.length > 0);
    const known = snapshot.channels.length > 0 || snapshot.connection.synced;
    show(this._none, roots.length === 0 && known);
    text(this._none, snapshot.channels.length > 0 ? strings.searchNone : strings.noChannels);
  }

  private _onSearch(): void {
    this._found._type(this._search.value);
    this._root.classList.toggle("searching", this._search.value.trim() !== "");
    this._render();
  }

  /** Where there is no conversation, to what is searched for. */
  private _focusLast(): void {
    const last = this._shown.at(-1);
    if (last) this._focusOn(last);
    else this._search.focus();
  }

  private _focusOn(id: string): void {
    this._tab = id;
    for (const [other, item] of this._items) attr(item._root, "tabindex", other === id ? 0 : -1);
    this._items.get(id)?._root.focus();
  }

  private _onSearchKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const first = this._shown[0];
    if (event.key === "ArrowDown") {
      event.preventDefault();
      if (first) this._focusOn(first);
      else this._found._focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (first) this._choose(first);
      else this._found._first();
    } else if (event.key === "Escape" && this._search.value) {
      event.preventDefault();
      this._search.value = "";
      this._onSearch();
    }
  }

  private _onKey(event: KeyboardEvent): void {
    const id = (event.target as Element).closest<HTMLElement>("[data-channel]")?.dataset["channel"];
    const at = id ? this._shown.indexOf(id) : -1;
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this._shown.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: last,
      PageDown: Math.min(at + 8, last),
      PageUp: Math.max(at - 8, 0),
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (to < 0) this._search.focus();
      else if (to <= last) this._focusOn(this._shown[to]!);
      else this._found._focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this._choose(id!);
    }
  }

  /** The newest messages of channels that hold none, a few at a time. */
  private _fetch(): void {
    if (this._stopped || !this._snapshot?.connection.synced) return;
    for (const id of this._shown.slice(0, PREVIEWS)) {
      if (this._asking >= AT_ONCE) return;
      const info = this._snapshot.channels.find((channel) => channel.id === id);
      if (!info || info.lastMessage || info.lastSeq === 0 || this._asked.has(id)) continue;
      this._asked.add(id);
      this._asking++;
      this._client
        .channel(id)
        .loadOlder({ limit: PREVIEW_PAGE })
        .catch(() => {})
        .finally(() => {
          this._asking--;
          this._fetch();
        });
    }
  }
}

/** What was said last comes first; what is not known by time, by name. */
function sorted(channels: readonly ChannelInfo[], strings: Strings): ChannelInfo[] {
  const time = (channel: ChannelInfo) => channel.lastMessage?.createdAt ?? "";
  return [...channels].sort(
    (a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : nameOf(a, strings).localeCompare(nameOf(b, strings))),
  );
}

/** For comparing names: without case and accents. */
function fold(name: string): string {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase().trim();
}
