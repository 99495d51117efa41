/**
 * A view of something long: loaded as a whole up to a limit, searched and sorted here, shown a hundred at a time. What it
 * takes to ask the daemon for less stands in fields of its own.
 */

import type { Loaded } from "./api.ts";
import { button, h, setAttribute, setText } from "./dom.ts";
import { count, many } from "./format.ts";
import { type Column, table } from "./table.ts";
import type { Context, View } from "./view.ts";

const SHOWN = 100;
/** A list of up to this many is asked for often. */
const SHORT = 1000;
const OFTEN_MS = 5000;
const SELDOM_MS = 30_000;

export interface Field {
  /** Its name in the address. */
  param: string;
  label: string;
  hint: string;
}

export interface ListOf<T> {
  title: string;
  /** One of them: `session`. */
  noun: string;
  /** Where there is none. */
  empty: string;
  columns: Column<T>[];
  key(item: T): string;
  /** The texts that the search looks into. */
  texts(item: T): (string | null | undefined)[];
  searchHint: string;
  /** What the daemon is asked by, beside the search. */
  fields?: Field[];
  load(filter: Record<string, string>, signal: AbortSignal): Promise<Loaded<T>>;
}

interface Input {
  param: string;
  node: HTMLInputElement;
}

export function list<T>(context: Context, of: ListOf<T>): View {
  let loaded: Loaded<T> | null = null;
  let page = 0;

  const input = (param: string, label: string, hint: string, type: string): [Input, HTMLElement] => {
    const node = h("input", { id: `by-${param}`, type, placeholder: hint, autocomplete: "off", spellcheck: "false" });
    node.value = context.params.get(param) ?? "";
    return [{ param, node }, h("p", { class: "field" }, h("label", { for: node.id }, label), node)];
  };
  const [search, searchField] = input("q", "Search", of.searchHint, "search");
  const fields = (of.fields ?? []).map((field) => input(field.param, field.label, field.hint, "text"));
  const inputs = fields.map(([field]) => field);
  const valueOf = ({ param, node }: Input): [string, string] => [param, node.value.trim()];
  const filter = (): Record<string, string> => Object.fromEntries(inputs.map(valueOf).filter(([, value]) => value));

  const shown = table<T>(of.title, of.columns, of.key, () => {
    page = 0;
    show();
  });
  const summary = h("p", { class: "summary" });
  const nothing = h("p", { class: "nothing" });
  const range = h("span");
  const earlier = button("Previous", () => turn(-1));
  const later = button("Next", () => turn(1));
  const pager = h("nav", { class: "pager", "aria-label": "Pages" }, earlier, range, later);

  function found(): T[] {
    const needle = search.node.value.trim().toLowerCase();
    const items = loaded?.items ?? [];
    const has = (item: T): boolean => of.texts(item).some((text) => text?.toLowerCase().includes(needle));
    return shown.inOrder(needle ? items.filter(has) : items);
  }

  function words(matching: number): string {
    if (!loaded) return "Loading …";
    const { items, total, unanswered } = loaded;
    const parts = [many(total, of.noun)];
    if (search.node.value.trim()) parts.unshift(`${count(matching)} found in`);
    if (items.length < total) parts.push(`(the first ${count(items.length)} are loaded; searching and sorting see only these)`);
    if (unanswered.length > 0) parts.push(`· without ${many(unanswered.length, "node")} that did not answer`);
    return parts.join(" ");
  }

  function show(): void {
    const items = found();
    page = Math.max(0, Math.min(page, Math.ceil(items.length / SHOWN) - 1));
    const from = page * SHOWN;
    const part = items.slice(from, from + SHOWN);
    shown.show(part);
    setText(summary, words(items.length));
    setAttribute(summary, "class", loaded && loaded.unanswered.length > 0 ? "summary warned" : "summary");
    setText(nothing, loaded && loaded.total > 0 ? "Nothing that was loaded matches the search." : of.empty);
    nothing.hidden = !loaded || items.length > 0;
    shown.node.hidden = items.length === 0;
    setText(range, `${count(from + 1)} to ${count(from + part.length)} of ${count(items.length)}`);
    pager.hidden = items.length <= SHOWN;
    earlier.disabled = page === 0;
    later.disabled = from + SHOWN >= items.length;
  }

  function turn(by: number): void {
    page += by;
    show();
    context.say(range.textContent ?? "");
    node.scrollIntoView({ block: "start" });
  }

  const keepAddress = (): void => context.keep(Object.fromEntries([...inputs, search].map(valueOf)));
  let pause: ReturnType<typeof setTimeout> | undefined;
  search.node.addEventListener("input", () => {
    page = 0;
    show();
    keepAddress();
    clearTimeout(pause);
    pause = setTimeout(() => context.say(words(found().length)), 700);
  });
  const asked = JSON.stringify;
  let last = asked(filter());
  const ask = (): void => {
    keepAddress();
    if (asked(filter()) === last) return;
    last = asked(filter());
    loaded = null;
    page = 0;
    show();
    context.refresh();
  };
  for (const { node } of inputs) node.addEventListener("change", ask);
  const submit = (event: Event): void => {
    event.preventDefault();
    ask();
  };
  const go = inputs.length > 0 ? h("button", { type: "submit" }, "Apply") : null;
  const form = h("form", { class: "filter", role: "search", "aria-label": of.title, submit }, ...fields.map(([, field]) => field), searchField, go);
  const node = h("div", {}, form, summary, shown.node, nothing, pager);
  show();

  return {
    title: of.title,
    node,
    everyMs: () => ((loaded?.total ?? 0) <= SHORT ? OFTEN_MS : SELDOM_MS),
    refresh: async (signal) => {
      const first = loaded === null;
      loaded = await of.load(filter(), signal);
      show();
      if (first) context.say(words(found().length));
    },
  };
}

