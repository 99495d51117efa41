/** The channels that somebody has open. */

import { group, type Kept, link, text } from "../dom.ts";
import { count } from "../format.ts";
import { list } from "../list.ts";
import type { Column } from "../table.ts";
import type { Room } from "../types.ts";
import { type Open, routeTo } from "../view.ts";
import { short } from "../format.ts";
import { when } from "./sessions.ts";

const number = (head: string, of: (room: Room) => number | undefined): Column<Room> => ({
  head,
  cell: (room) => count(of(room)),
  by: (room) => of(room) ?? -1,
  numeric: true,
});

const state = (room: Room): string =>
  room.unresponsive ? "does not answer" : room.filling ? "reads what it missed" : "runs";

const channel = (): Kept<Room> =>
  group(
    "div",
    { class: "two" },
    link((room) => room.name ?? room.id, (room) => routeTo(`rooms/${room.id}`), { class: "id" }),
    text((room) => (room.name ? room.id : (room.type ?? "")), "code"),
  );

export const roomKey = (room: Room): string => `${room.id} ${room.node ?? ""}`;

export const rooms = (severalNodes: () => boolean): Open => (context) => {
  const all: (Column<Room> | false)[] = [
    { head: "Channel", cell: { make: channel }, by: (room) => room.name ?? room.id, wide: true },
    severalNodes() && { head: "Node", cell: (room) => short(room.node ?? ""), by: (room) => room.node ?? "" },
    { head: "State", cell: state, by: state },
    number("Members", (room) => room.members),
    number("Sessions", (room) => room.sessions),
    number("Version", (room) => room.version),
    number("Last seq", (room) => room.lastSeq),
    number("In flight", (room) => room.inFlight),
    number("Waiting", (room) => room.waiting),
    number("Restarts", (room) => room.restarts),
    { head: "Started", cell: { make: () => when((room) => room.startedAt) }, by: (room) => room.startedAt ?? "" },
  ];
  return list<Room>(context, {
    title: "Rooms",
    noun: "room",
    empty: "No room runs. One starts when somebody opens its channel, and stops when it is idle.",
    columns: all.filter((column) => column !== false),
    key: roomKey,
    texts: (room) => [room.id, room.name],
    searchHint: "channel id",
    load: (_, signal) => context.api.rooms(signal),
  });
};
