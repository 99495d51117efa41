/** Who is connected. */

import { button, group, h, type Kept, link, setAttribute, setText, text } from "../dom.ts";
import { askToEnd } from "../end.ts";
import { bytes, count, moment, rate, short, time } from "../format.ts";
import { list } from "../list.ts";
import type { Column } from "../table.ts";
import type { Session } from "../types.ts";
import { type Context, type Open, routeTo } from "../view.ts";

/** A time of which the full form is shown on hovering. */
export function when<T>(of: (item: T) => string | null | undefined): Kept<T> {
  const node = h("time");
  return {
    node,
    update: (item) => {
      const at = of(item);
      setText(node, time(at));
      setAttribute(node, "datetime", at ?? null);
      setAttribute(node, "title", at ? moment(at) : null);
    },
  };
}

export function endButton(context: Context): Kept<Session> {
  let session: Session | undefined;
  const click = (): void => {
    if (session) askToEnd(context.api, session, () => context.refresh());
  };
  const node = button("End", click, { class: "danger small" });
  return {
    node,
    update: (item) => {
      session = item;
      setAttribute(node, "aria-label", `End session ${short(item.id)} of ${item.name}`);
    },
  };
}

/** The columns, also for the sessions of one room. */
export function columns(context: Context, severalNodes: boolean): Column<Session>[] {
  const user = (): Kept<Session> =>
    group(
      "div",
      { class: "two" },
      link((it) => it.name, (it) => routeTo("sessions", { user: it.userId })),
      text((it) => it.externalId ?? it.userId, "code"),
    );
  const id = (): Kept<Session> =>
    link((it) => short(it.id), (it) => routeTo(`sessions/${it.id}`), { class: "id" });
  const state = (it: Session): string => (it.unresponsive ? "does not answer" : rate(it.framesPerSecond));
  const all: (Column<Session> | false)[] = [
    { head: "User", cell: { make: user }, by: (it) => it.name.toLowerCase(), wide: true },
    { head: "Session", cell: { make: id }, by: (it) => it.id },
    { head: "Address", cell: (it) => it.address, by: (it) => it.address },
    severalNodes && { head: "Node", cell: (it) => short(it.node ?? ""), by: (it) => it.node ?? "" },
    { head: "Since", cell: { make: () => when((it) => it.since) }, by: (it) => it.since },
    { head: "Last pong", cell: { make: () => when((it) => it.lastPong) }, by: (it) => it.lastPong ?? "" },
    { head: "Channels", cell: (it) => count(it.channels), by: (it) => it.channels ?? -1, numeric: true },
    { head: "Frames/s", cell: state, by: (it) => it.framesPerSecond ?? -1, numeric: true },
    { head: "Sent", cell: (it) => bytes(it.bytesOut), by: (it) => it.bytesOut ?? -1, numeric: true },
    { head: "Queued", cell: (it) => bytes(it.bytesQueued), by: (it) => it.bytesQueued, numeric: true },
    { head: "Action", cell: { make: () => endButton(context) } },
  ];
  return all.filter((column) => column !== false);
}

/** Each user's sessions. */
export function byUser(sessions: Session[]): Map<string, Session[]> {
  const users = new Map<string, Session[]>();
  for (const session of sessions) {
    const own = users.get(session.userId);
    if (own) own.push(session);
    else users.set(session.userId, [session]);
  }
  return users;
}

const texts = (it: Session): (string | null | undefined)[] => [
  it.name,
  it.externalId,
  it.userId,
  it.id,
  it.address,
  it.agent,
];

export const sessions = (severalNodes: () => boolean): Open => (context) =>
  list<Session>(context, {
    title: "Sessions",
    noun: "session",
    empty: "No session is open here.",
    columns: columns(context, severalNodes()),
    key: (it) => it.id,
    texts,
    searchHint: "name, id, address or agent",
    fields: [
      { param: "user", label: "User", hint: "id or external id" },
      { param: "channel", label: "Channel", hint: "id" },
    ],
    load: ({ user, channel }, signal) =>
      context.api.sessions({ ...(user && { userId: user }), ...(channel && { channelId: channel }) }, signal),
  });
