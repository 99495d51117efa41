/** What somebody should look at, in words; nothing where all is well. */

import { h, keyed, setText } from "../dom.ts";
import { count, many, seconds } from "../format.ts";
import type { Point, Reading } from "../sampler.ts";
import type { Actors } from "../types.ts";

/** A commit that takes longer than this is slow. */
const SLOW_S = 1;
/** How many readings the database's queue has to grow in a row. */
const GROWING = 5;

function grows(points: Point[]): boolean {
  const last = points.slice(-GROWING - 1).map((point) => point.figures.queue ?? 0);
  return last.length > GROWING && last.every((value, index) => index === 0 || value > (last[index - 1] ?? 0));
}

export function concerns({ metrics, points, ready }: Reading, actors: Actors | null): string[] {
  if (!metrics) return [];
  const all: string[] = [];
  const value = (name: string): number => metrics.value(name) ?? 0;
  const last = points.at(-1)?.figures ?? {};
  if (ready.get("database") === false) all.push("The database does not answer: sends are refused, and clients try again.");
  if (ready.get("accepting") === false) all.push("The daemon is stopping.");
  if (actors?.cluster && value("redis_up") === 0) all.push("Redis does not answer: between nodes messages are late.");
  if (grows(points)) all.push(`The queue for the database grows: ${count(last.queue)} changes wait.`);
  if ((last.persist99 ?? 0) > SLOW_S) all.push(`Storing takes ${seconds(last.persist99)} (p99): the database is slow.`);
  const restarts = value("room_restarts_total");
  if (restarts > 0) all.push(`${many(restarts, "room")} had to be started anew; the log says why.`);
  const refused = value("bus_refused_total");
  if (refused > 0) all.push(`${count(refused)} events on the bus were refused: no node of this cluster sealed them.`);
  const [open, most] = [value("process_open_fds"), value("process_max_fds")];
  if (most > 0 && open > 0.9 * most) all.push(`${count(open)} of ${count(most)} files are open: new connections will be refused.`);
  return all;
}

export function attention(): { node: HTMLElement; show(reading: Reading, actors: Actors | null): void } {
  const items = h("ul");
  const node = h("div", { class: "notice warn", role: "status" }, items);
  const set = keyed<string>(
    items,
    // The numbers in it change, the matter stays.
    (text) => text.replace(/[\d.,]+/g, ""),
    () => {
      const item = h("li");
      return { node: item, update: (text) => setText(item, text) };
    },
  );
  return {
    node,
    show: (reading, actors) => {
      const now = concerns(reading, actors);
      set(now);
      node.hidden = now.length === 0;
    },
  };
}
