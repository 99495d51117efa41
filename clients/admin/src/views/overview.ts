/** How the node does that served the page: now, and over the last ten minutes. */

import { h, setText, terms } from "../dom.ts";
import { bytes, count, many, NONE, percent, rate, seconds, span } from "../format.ts";
import { type Plot, plot } from "../plot.ts";
import type { Figure, Point, Reading } from "../sampler.ts";
import type { Actors } from "../types.ts";
import type { Open, View } from "../view.ts";
import { attention } from "./attention.ts";
import { minutes } from "./minutes.ts";
import { tallies } from "./tallies.ts";

type Figures = Point["figures"];

export interface Card {
  title: string;
  /** One figure, or two with their names. */
  lines: [figure: Figure, name: string][];
  write: (value: number | undefined) => string;
  note?: (figures: Figures) => string;
}

/** The highest bound of the daemon's histograms of times. */
const LONGEST_S = 5;
const latency = (value: number | undefined): string =>
  value !== undefined && value >= LONGEST_S ? `over ${LONGEST_S} s` : seconds(value);

export const CARDS: Card[] = [
  {
    title: "Connections",
    lines: [["connections", ""]],
    write: count,
    note: ({ users = 0, lines = 0 }) => `${many(users, "user")}, ${many(lines, "line")}`,
  },
  { title: "Messages a second", lines: [["messages", ""]], write: rate },
  { title: "Deliveries a second", lines: [["deliveries", ""]], write: rate },
  { title: "Time to store", lines: [["persist99", "p99"], ["persist50", "p50"]], write: latency },
  { title: "Time to deliver", lines: [["delivery99", "p99"], ["delivery50", "p50"]], write: latency },
  { title: "Waiting for the database", lines: [["queue", ""]], write: count },
  { title: "Queued to clients", lines: [["outbox", ""]], write: bytes },
  { title: "Frames a second", lines: [["frames", ""]], write: rate },
  { title: "Errors a second", lines: [["errors", ""]], write: rate },
  { title: "Rooms", lines: [["rooms", ""]], write: count },
  { title: "Memory", lines: [["memory", ""]], write: bytes },
  { title: "Processor, of one core", lines: [["cpu", ""]], write: percent },
];

interface Shown {
  node: HTMLElement;
  draw(reading: Reading, now: number): void;
}

/** The lowest and the highest value of the card's first line. */
function reach(card: Card, points: Point[]): string {
  const [figure, name] = card.lines[0] ?? ["connections", ""];
  const values = points.map((point) => point.figures[figure]).filter((value) => value !== undefined);
  if (values.length === 0) return "nothing yet";
  const [low, high] = values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [from, to] = [card.write(low), card.write(high)];
  return from === to ? `steady at ${from}` : `${name} ${from} to ${to}`.trim();
}

function cardOf(card: Card, id: string): Shown {
  const drawn: Plot = plot(card.lines.map(([figure]) => figure));
  const values = card.lines.map(([figure, name]) => {
    const node = h("span", { class: "figure" });
    return { figure, node, whole: h("span", { class: "value" }, node, " ", name && h("span", { class: "unit" }, name)) };
  });
  const note = h("span");
  const low = h("span");
  const node = h(
    "section",
    { class: "card", "aria-labelledby": id },
    h("h2", { id }, card.title),
    h("p", { class: "values" }, ...values.map(({ whole }) => whole)),
    drawn.node,
    h("p", { class: "reach" }, low, note),
  );
  return {
    node,
    draw: ({ points }, now) => {
      const figures = points.at(-1)?.figures ?? {};
      for (const { figure, node } of values) setText(node, card.write(figures[figure]));
      setText(note, card.note?.(figures) ?? "");
      setText(low, reach(card, points));
      drawn.draw(points, now);
    },
  };
}

type State = [name: string, text: string, look?: "good" | "bad"];

function statesOf({ ready, metrics }: Reading, actors: Actors | null): State[] {
  const either = (name: string, is: boolean | undefined, yes: string, no: string): State =>
    is === undefined ? [name, NONE] : [name, is ? yes : no, is ? "good" : "bad"];
  const up = metrics?.value("redis_up") === 1;
  return [
    either("Database", ready.get("database"), "answers", "does not answer"),
    either("Clients", ready.get("accepting"), "let in", "refused: it is stopping"),
    actors && !actors.cluster ? ["Redis", "not used"] : either("Redis", actors ? up : undefined, "answers", "does not answer"),
    ["Nodes", count(metrics?.value("nodes"))],
    ["Up for", span(metrics?.value("uptime_seconds"))],
    ["Version", metrics?.label("build_info", "version") ?? NONE],
  ];
}

export const overview: Open = (context): View => {
  let actors: Actors | null = null;
  let reading: Reading | null = null;
  const states = terms<State>("states", (state) => state);
  const warnings = attention();
  const cards = CARDS.map((card, index) => cardOf(card, `card-${index}`));
  const since = tallies();
  const table = minutes(CARDS);
  const node = h(
    "div",
    {},
    states.node,
    warnings.node,
    h("div", { class: "cards" }, ...cards.map((card) => card.node)),
    h("p", { class: "muted" }, "The lines show the last ten minutes, rates and times those of the last two seconds."),
    table.node,
    since.node,
  );
  const draw = (): void => {
    if (!reading) return;
    const now = Date.now();
    states.show(statesOf(reading, actors));
    warnings.show(reading, actors);
    for (const card of cards) card.draw(reading, now);
    table.show(reading.points);
    if (reading.metrics) since.show(reading.metrics);
  };
  return {
    title: "Overview",
    node,
    // The cluster, and whether the token is still good: the metrics may be open to whoever asks from the same machine.
    everyMs: () => 10_000,
    refresh: async (signal) => {
      actors = await context.api.actors(signal);
      draw();
    },
    sampled: (now) => {
      reading = now;
      draw();
    },
  };
};
