/** The tree of the actors of the node that served the page, each with its own state. */

import { h, type Kept, keyed, setAttribute, setText } from "../dom.ts";
import { type Fields, fields, isFields, type Pair, words, written } from "../fields.ts";
import type { Actors, Json } from "../types.ts";
import { type Open, routeTo, type View } from "../view.ts";

interface Branch {
  /** Its own among its neighbours. */
  key: string;
  name: string;
  href?: string;
  state: Json;
  children: Branch[];
}

/** Fields that are shown as marks beside the name when they are not 0. */
const MARKED: Record<string, string> = {
  unresponsive: "bad",
  restarts: "bad",
  roomRestarts: "bad",
  waiting: "warn",
  inFlight: "busy",
};

/** The daemon's answer as one tree. What it says of an actor is shown whatever it is. */
export function treeOf(actors: Actors): Branch[] {
  const { registry, db, presence, cluster } = actors;
  const { busiest, ...rooms } = registry.rooms;
  const leaf = (key: string, name: string, state: Json, children: Branch[] = []): Branch => ({ key, name, state, children });
  const own = ({ restarts, state }: { restarts: number; state: Json }, more: Fields = {}): Json => ({
    ...(isFields(state) ? state : {}),
    restarts,
    ...more,
  });
  const busy = (Array.isArray(busiest) ? busiest.filter(isFields) : []).map(({ id, ...state }) => {
    const channel = String(id);
    return { ...leaf(channel, `Room ${channel}`, state), href: routeTo(`rooms/${channel}`) };
  });
  return [
    leaf("registry", "Registry", own(registry), [
      leaf("rooms", "Rooms", rooms, busy),
      leaf("sessions", "Sessions", registry.sessions),
    ]),
    leaf("db", "Database", own(db, { waiting: db.waiting })),
    leaf("presence", "Presence", own(presence)),
    ...(cluster
      ? [leaf("cluster", "Cluster", { node: cluster.node, others: cluster.others }, [leaf("bus", "Bus", cluster.bus)])]
      : []),
  ];
}

function mark(): Kept<Pair> {
  const node = h("span");
  return {
    node,
    update: ([name, value]) => {
      setAttribute(node, "class", `mark ${MARKED[name]}`);
      setText(node, value === true ? "does not answer" : `${written(name, value)} ${words(name)}`);
    },
  };
}

function branch(): Kept<Branch> {
  const name = h("span", { class: "name" });
  const marks = h("span", { class: "marks" });
  const values = fields();
  const more = h("a", {}, "Details of this room");
  const children = h("ul", { class: "tree" });
  const setMarks = keyed<Pair>(marks, ([name]) => name, mark);
  const setChildren = keyed<Branch>(children, (child) => child.key, branch);
  const details = h("details", {}, h("summary", {}, name, marks), values.node, more, children);
  let known = false;
  return {
    node: h("li", {}, details),
    update: (it) => {
      setText(name, it.name);
      // The rooms may be many; they are opened by whoever wants to see them.
      if (!known) details.open = it.href === undefined;
      known = true;
      const pairs = isFields(it.state) ? Object.entries(it.state) : [];
      setMarks(pairs.filter(([key, value]) => key in MARKED && Number(value) > 0));
      values.show(isFields(it.state) ? it.state : {});
      more.hidden = it.href === undefined;
      setAttribute(more, "href", it.href ?? null);
      setChildren(it.children);
      children.hidden = it.children.length === 0;
    },
  };
}

export const actors: Open = (context): View => {
  const node = h("ul", { class: "tree root" });
  const set = keyed<Branch>(node, (it) => it.key, branch);
  const hint = "Of the rooms, those with the most sends in flight are shown.";
  return {
    title: "Actors",
    node: h("div", {}, h("p", { class: "summary" }, hint), node),
    everyMs: () => 2000,
    refresh: async (signal) => set(treeOf(await context.api.actors(signal))),
  };
};
