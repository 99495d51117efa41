/** One channel: its room, who is in it, and who has it open. */

import { group, h, type Kept, setText, text } from "../dom.ts";
import { count, many, moment, NONE } from "../format.ts";
import { type Column, inOrder, type Order, table } from "../table.ts";
import type { RoomDetail, Session } from "../types.ts";
import { type Context, facts, routeTo, type View } from "../view.ts";
import { byUser, columns } from "./sessions.ts";

/** The most members and sessions that are shown here; the list of the sessions shows all. */
const SHOWN = 100;

interface Member {
  id: string;
  /** By their sessions, which is how a name is known here. */
  sessions: Session[];
}

const memberColumns: Column<Member>[] = [
  {
    head: "User",
    cell: {
      make: (): Kept<Member> =>
        group(
          "div",
          { class: "two" },
          text((it) => it.sessions[0]?.name ?? "", "bdi"),
          text((it) => it.sessions[0]?.externalId ?? it.id, "code"),
        ),
    },
    wide: true,
  },
  {
    head: "Sessions in this channel",
    cell: {
      make: (): Kept<Member> => {
        const node = h("span");
        return {
          node,
          update: ({ id, sessions: { length } }) => {
            const label = length > 0 ? many(length, "session") : "not connected";
            if (node.textContent === label) return;
            node.replaceChildren(length > 0 ? h("a", { href: routeTo("sessions", { user: id }) }, label) : label);
          },
        };
      },
    },
  },
];

const facts_ = (): ReturnType<typeof facts<RoomDetail>> =>
  facts<RoomDetail>([
    ["Node", (it) => (it.node ? h("code", {}, it.node) : NONE)],
    ["State", (it) => (it.unresponsive ? "does not answer" : it.filling ? "reads what it missed" : "runs")],
    ["Members", (it) => count(it.members)],
    ["Sessions", (it) => count(it.sessions)],
    ["Version", (it) => count(it.version)],
    ["Last seq", (it) => count(it.lastSeq)],
    ["Sends in flight", (it) => count(it.inFlight)],
    ["Changes that wait", (it) => count(it.waiting)],
    ["Passed on since its start", (it) => count(it.published)],
    ["Restarts", (it) => count(it.restarts)],
    ["Started", (it) => moment(it.startedAt)],
  ]);

export const room = (id: string, severalNodes: () => boolean) => (context: Context): View => {
  const own = facts_();
  const name = h("bdi");
  const elsewhere = h("div");
  const unanswered = h("p", { class: "notice warn", hidden: true });
  const membersTitle = h("h2");
  const members = table<Member>("Members", memberColumns, (member) => member.id);
  const sessionColumns = columns(context, severalNodes());
  let order: Order | null = null;
  let here: Session[] = [];
  const show = (): void => sessions.show(inOrder(here, sessionColumns, order).slice(0, SHOWN), order);
  const sessions = table<Session>("Sessions", sessionColumns, (it) => it.id, (column) => {
    order = { column, down: order?.column === column ? !order.down : sessionColumns[column]?.numeric === true };
    show();
  });
  const sessionsTitle = h("h2");
  const all = h("a", { href: routeTo("sessions", { channel: id }) }, "All of them, with search");
  const node = h(
    "div",
    { hidden: true },
    h("p", { class: "summary" }, name, " ", h("code", {}, id)),
    unanswered,
    own.node,
    elsewhere,
    sessionsTitle,
    sessions.node,
    h("p", {}, all),
    membersTitle,
    members.node,
  );
  return {
    title: "Channel",
    node,
    everyMs: () => 2000,
    refresh: async (signal) => {
      const [it, found] = await Promise.all([context.api.room(id, signal), context.api.sessions({ channelId: id }, signal)]);
      node.hidden = false;
      here = found.items;
      setText(name, it.name ?? "");
      const missing = it.unanswered?.length ?? 0;
      unanswered.hidden = missing === 0;
      setText(unanswered, `${many(missing, "node")} did not answer; the channel may have a room there too.`);
      own.show(it);
      elsewhere.replaceChildren(
        ...(it.elsewhere ?? []).flatMap((other) => {
          const shown = facts_();
          shown.show(other);
          return [h("h2", {}, "On another node"), shown.node];
        }),
      );
      setText(sessionsTitle, many(found.total, "session"));
      sessions.node.hidden = found.items.length === 0;
      show();
      const users = byUser(found.items);
      const ids = it.memberIds ?? [];
      setText(membersTitle, ids.length > SHOWN ? `The first ${SHOWN} of ${many(ids.length, "member")}` : many(ids.length, "member"));
      members.node.hidden = ids.length === 0;
      members.show(ids.slice(0, SHOWN).map((member) => ({ id: member, sessions: users.get(member) ?? [] })), null);
    },
  };
};
