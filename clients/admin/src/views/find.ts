/** Looks for one text everywhere: as a user, a channel, a session, or a part of a name. */

import { Refused } from "../api.ts";
import { h } from "../dom.ts";
import { isUuid, many, short } from "../format.ts";
import type { Session } from "../types.ts";
import { type Context, routeTo, type View } from "../view.ts";
import { byUser } from "./sessions.ts";

/** The most people that are shown. */
const SHOWN = 50;

/** Null where there is none; other troubles are for the shell. */
async function maybe<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

const item = (href: string, label: string, what: string): HTMLElement =>
  h("li", {}, h("a", { href }, h("bdi", {}, label)), " ", h("span", { class: "muted" }, what));

function people(sessions: Session[], needle: string): Session[][] {
  const has = (text: string | null | undefined): boolean => text?.toLowerCase().includes(needle) ?? false;
  return [...byUser(sessions).values()].filter((own) => own.some((it) => has(it.name) || has(it.externalId)));
}

export const find = (context: Context): View => {
  const wanted = (context.params.get("q") ?? "").trim();
  const node = h("div");
  return {
    title: "Find",
    node,
    everyMs: () => 30_000,
    refresh: async (signal) => {
      const { api } = context;
      const id = isUuid(wanted) ? wanted.toLowerCase() : null;
      const [own, room, inChannel, session, all] = await Promise.all([
        api.sessions({ userId: wanted }, signal),
        id && maybe(api.room(id, signal)),
        id && api.sessions({ channelId: id }, signal),
        id && maybe(api.session(id, signal)),
        api.sessions({}, signal),
      ]);
      const named = people(all.items, wanted.toLowerCase());
      const found: HTMLElement[] = [];
      if (own.total > 0) {
        const name = own.items[0]?.name ?? wanted;
        found.push(item(routeTo("sessions", { user: wanted }), name, `user with ${many(own.total, "session")}`));
      }
      if (room) {
        const what = `channel with ${many(room.members ?? 0, "member")} and ${many(inChannel ? inChannel.total : 0, "session")}`;
        found.push(item(routeTo(`rooms/${room.id}`), room.name ?? room.id, what));
      }
      if (session) found.push(item(routeTo(`sessions/${session.id}`), short(session.id), `session of ${session.name}`));
      for (const [first, ...others] of named.slice(0, SHOWN)) {
        if (!first || first.userId === own.items[0]?.userId) continue;
        const what = `user ${first.externalId ?? first.userId} with ${many(others.length + 1, "session")}`;
        found.push(item(routeTo("sessions", { user: first.userId }), first.name, what));
      }
      const more = named.length > SHOWN ? `Of ${named.length} people the first ${SHOWN} are shown.` : "";
      const none =
        "Nothing found. Users are found while they are connected, channels by id while somebody has them open.";
      const partly = all.items.length < all.total ? "Not all sessions were searched for names: there are too many." : "";
      const notes = [found.length === 0 ? none : "", more, partly].filter(Boolean);
      node.replaceChildren(
        h("p", { class: "summary" }, "Looked for ", h("bdi", { class: "wanted" }, wanted)),
        h("ul", { class: "found" }, ...found),
        ...notes.map((note) => h("p", { class: "nothing" }, note)),
      );
    },
  };
};
