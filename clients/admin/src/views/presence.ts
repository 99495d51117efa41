/** Who is online: presence's own account, with the names and places that the sessions tell. */

import { group, type Kept, link, text } from "../dom.ts";
import { count, NONE, short } from "../format.ts";
import { list } from "../list.ts";
import type { Column } from "../table.ts";
import type { Session } from "../types.ts";
import { type Open, routeTo } from "../view.ts";
import { byUser, when } from "./sessions.ts";

interface User {
  id: string;
  /** As presence counts them, on all nodes. */
  counted: number;
  nodes: string[];
  sessions: Session[];
}

const distinct = (values: string[]): string[] => [...new Set(values)].sort();
const addresses = (user: User): string[] => distinct(user.sessions.map((session) => session.address));
const nameOf = (user: User): string => user.sessions[0]?.name ?? short(user.id);
const latest = (user: User): string => user.sessions.reduce((last, { since }) => (since > last ? since : last), "");

const who = (): Kept<User> =>
  group(
    "div",
    { class: "two" },
    link(nameOf, (user) => routeTo("sessions", { user: user.id })),
    text((user) => user.sessions[0]?.externalId ?? user.id, "code"),
  );

/** Up to three of them, and how many more. */
const some = (values: string[]): string =>
  values.length === 0 ? NONE : values.slice(0, 3).join(", ") + (values.length > 3 ? ` and ${values.length - 3} more` : "");

export const presence = (severalNodes: () => boolean): Open => (context) => {
  const all: (Column<User> | false)[] = [
    { head: "User", cell: { make: who }, by: (user) => nameOf(user).toLowerCase(), wide: true },
    { head: "User id", cell: { make: () => text((user) => user.id, "code") }, by: (user) => user.id },
    { head: "Sessions", cell: (user) => count(user.counted), by: (user) => user.counted, numeric: true },
    severalNodes() && { head: "Nodes", cell: (user) => some(user.nodes.map(short)), by: (user) => user.nodes.length },
    { head: "Addresses", cell: (user) => some(addresses(user)), by: (user) => addresses(user)[0] ?? "" },
    { head: "Last came", cell: { make: () => when((user) => latest(user) || null) }, by: latest },
  ];
  return list<User>(context, {
    title: "Presence",
    noun: "user",
    empty: "Nobody is online.",
    columns: all.filter((column) => column !== false),
    key: (user) => user.id,
    texts: (user) => [user.id, ...user.sessions.flatMap((it) => [it.name, it.externalId, it.address])],
    searchHint: "name, id or address",
    load: async (_, signal) => {
      const [online, sessions] = await Promise.all([context.api.presence(signal), context.api.sessions({}, signal)]);
      const known = byUser(sessions.items);
      const users = new Map<string, User>();
      for (const { userId, sessions: counted, node } of online.items) {
        const user = users.get(userId) ?? { id: userId, counted: 0, nodes: [], sessions: known.get(userId) ?? [] };
        user.counted += counted;
        if (node) user.nodes.push(node);
        users.set(userId, user);
      }
      const doubles = online.items.length - users.size;
      const unanswered = distinct([...online.unanswered, ...sessions.unanswered]);
      return { items: [...users.values()], total: online.total - doubles, unanswered };
    },
  });
};
