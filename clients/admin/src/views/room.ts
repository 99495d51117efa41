/** One channel: its room, who is in it, and who has it open. */

import { group, h, type Kept, setText, text } from "../dom.ts";
import { fields } from "../fields.ts";
import { many } from "../format.ts";
import { type Column, table } from "../table.ts";
import type { Session } from "../types.ts";
import { type Context, routeTo, type View } from "../view.ts";
import { byUser, columns } from "./sessions.ts";

/** The most members and sessions that are shown here; the list of the sessions shows all. */
const SHOWN = 100;

interface Member {
  id: string;
  name: string;
  externalId: string | null | undefined;
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
          text((it) => it.name, "bdi"),
          text((it) => it.externalId ?? it.id, "code"),
        ),
    },
    wide: true,
  },
  {
    head: "Sessions here",
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

export const room = (id: string, severalNodes: () => boolean) => (context: Context): View => {
  const own = fields();
  const elsewhere = h("section", { hidden: true });
  const unanswered = h("p", { class: "notice warn", hidden: true });
  const membersTitle = h("h2");
  const members = table<Member>("Members", memberColumns, (member) => member.id);
  members.node.className = "few";
  const sessionColumns = columns(context, severalNodes());
  let here: Session[] = [];
  const show = (): void => sessions.show(sessions.inOrder(here).slice(0, SHOWN));
  const sessions = table<Session>("Sessions", sessionColumns, (it) => it.id, show);
  const sessionsTitle = h("h2");
  const all = h("a", { href: routeTo("sessions", { channel: id }) }, "All of them, with search");
  const node = h(
    "div",
    { hidden: true },
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
      const { id: channel, memberIds = [], sessionIds: _, people = [], elsewhere: others = [], unanswered: silent = [], ...state } = it;
      const missing = silent.length;
      unanswered.hidden = missing === 0;
      setText(unanswered, `${many(missing, "node")} did not answer; the channel may have a room there too.`);
      own.show({ channel, ...state });
      elsewhere.hidden = others.length === 0;
      elsewhere.replaceChildren(
        ...others.flatMap(({ id: _, memberIds: __, sessionIds: ___, ...other }) => {
          const shown = fields();
          shown.show(other);
          return [h("h2", {}, "On another node"), shown.node];
        }),
      );
      setText(sessionsTitle, many(found.total, "session"));
      sessions.node.hidden = found.items.length === 0;
      show();
      const users = byUser(found.items);
      setText(membersTitle, memberIds.length > SHOWN ? `The first ${SHOWN} of ${many(memberIds.length, "member")}` : many(memberIds.length, "member"));
      members.node.hidden = memberIds.length === 0;
      const known = new Map(people.map((one) => [one.id, one]));
      members.show(
        memberIds.slice(0, SHOWN).map((member) => {
          const sessions = users.get(member) ?? [];
          const { name = "", externalId } = known.get(member) ?? sessions[0] ?? {};
          return { id: member, name, externalId, sessions };
        }),
      );
    },
  };
};
