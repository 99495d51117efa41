/** The plots as a table: for who cannot see them, and for who wants numbers. */

import { h } from "../dom.ts";
import { time } from "../format.ts";
import type { Figure, Point } from "../sampler.ts";
import { type Column, table } from "../table.ts";
import type { Card } from "./overview.ts";

const MINUTE_MS = 60_000;

interface Minute {
  begin: number;
  points: Point[];
}

/** The mean of what was read in the minute. */
function mean(points: Point[], figure: Figure): number | undefined {
  const values = points.map((point) => point.figures[figure]).filter((value) => value !== undefined);
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** The newest first. */
export function byMinute(points: Point[]): Minute[] {
  const minutes = new Map<number, Point[]>();
  for (const point of points) {
    const begin = Math.floor(point.at / MINUTE_MS) * MINUTE_MS;
    minutes.set(begin, [...(minutes.get(begin) ?? []), point]);
  }
  return [...minutes].map(([begin, points]) => ({ begin, points })).sort((a, b) => b.begin - a.begin);
}

export function minutes(cards: Card[]): { node: HTMLElement; show(points: Point[]): void } {
  const columns: Column<Minute>[] = [{ head: "Minute", cell: ({ begin }) => time(begin).slice(0, -3) }];
  for (const { title, lines, write } of cards) {
    for (const [figure, name] of lines) {
      columns.push({ head: `${title} ${name}`.trim(), cell: ({ points }) => write(mean(points, figure)), numeric: true });
    }
  }
  const shown = table<Minute>("The last ten minutes, means of each minute", columns, ({ begin }) => String(begin));
  const region = h("div", { class: "scrolls", role: "region", tabindex: "0", "aria-label": "The last ten minutes" }, shown.node);
  let last: Point[] = [];
  const draw = (): void => {
    if (node.open) shown.show(byMinute(last));
  };
  const node = h("details", { class: "minutes", toggle: draw }, h("summary", {}, "The last ten minutes in numbers"), region);
  return {
    node,
    show: (points) => {
      last = points;
      draw();
    },
  };
}
