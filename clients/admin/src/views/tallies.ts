/** What the daemon has counted since its start, by kind. */

import { h, terms } from "../dom.ts";
import { count } from "../format.ts";
import type { Metrics } from "../prom.ts";

const CLOSES: Record<string, string> = {
  1000: "by the client",
  1001: "going away",
  1005: "without a code",
  1006: "the line broke",
  1009: "frame too big",
  4401: "token ran out",
  4403: "ended by an admin",
  4408: "no pong",
  4413: "too slow a reader",
  4429: "over the rate",
};

type Row = [name: string, value: number];

/** Without a label: other counters, by their names here. */
const OTHERS: [name: string, metric: string][] = [
  ["Connections opened", "connections_opened"],
  ["Lines refused", "lines_refused"],
  ["Messages stored", "messages_stored"],
  ["Stored before", "messages_deduplicated"],
  ["Deliveries", "deliveries"],
  ["Syncs answered", "sync_requests"],
  ["Over a user's rate", "rate_limited"],
  ["Room restarts", "room_restarts"],
  ["Batches tried again", "db_retries"],
];

const TALLIES: [title: string, of: (metrics: Metrics) => Row[]][] = [
  ["Counted", (metrics) => OTHERS.map(([name, metric]): Row => [name, metrics.value(`${metric}_total`) ?? 0])],
  [
    "Connections closed",
    (metrics) =>
      metrics.by("connections_closed_total", "reason").map(([code, value]): Row => {
        const why = CLOSES[code];
        return [why ? `${code} ${why}` : code, value];
      }),
  ],
  ["Frames received", (metrics) => metrics.by("frames_received_total", "kind")],
  ["Errors sent", (metrics) => metrics.by("errors_sent_total", "reason")],
  ["Tokens refused", (metrics) => metrics.by("auth_failures_total", "reason")],
];

export function tallies(): { node: HTMLElement; show(metrics: Metrics): void } {
  const shown = TALLIES.map(([title, of]) => {
    const rows = terms<Row>("tally", ([name, value]) => [name, count(value)]);
    const none = h("p", { class: "muted" }, "None.");
    const node = h("section", { class: "panel" }, h("h3", {}, title), rows.node, none);
    return { node, rows, none, of };
  });
  return {
    node: h("section", {}, h("h2", {}, "Since the start"), h("div", { class: "panels" }, ...shown.map(({ node }) => node))),
    show: (metrics) => {
      for (const { rows, none, of } of shown) {
        const now = of(metrics);
        rows.show(now);
        rows.node.hidden = now.length === 0;
        none.hidden = now.length > 0;
      }
    },
  };
}
