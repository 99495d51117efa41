/**
 * Reads the metrics every two seconds and keeps what they said over the last ten minutes, whatever view is open. Rates and
 * latencies are those of the time between two readings, by the daemon's own clock. Of the daemon that served the page
 * alone: other nodes have consoles of their own.
 */

import type { Api } from "./api.ts";
import { Refused, Unreachable } from "./api.ts";
import { type Poll, poll } from "./poll.ts";
import { Metrics, quantile } from "./prom.ts";

export const EVERY_MS = 2000;
export const KEPT_MS = 10 * 60_000;
/** Readings further apart than this are no neighbours: the page was hidden, or the daemon did not answer. */
export const APART_MS = 3 * EVERY_MS;

const NAMES = {
  connections: "connections",
  users: "users_online",
  rooms: "rooms",
  lines: "open_lines",
  queue: "db_queue",
  outbox: "outbox_bytes",
  memory: "process_resident_memory_bytes",
} as const;

const RATES = {
  messages: "messages_stored_total",
  deliveries: "deliveries_total",
  frames: "frames_received_total",
  errors: "errors_sent_total",
} as const;

const CPU = "process_cpu_seconds_total";

const TIMES = {
  persist: "message_persist_duration_seconds",
  delivery: "message_delivery_duration_seconds",
} as const;

export type Figure =
  | keyof typeof NAMES
  | keyof typeof RATES
  | `${keyof typeof TIMES}${50 | 99}`
  | "cpu";

/** One reading. A figure is missing where the daemon does not give it, or nothing happened that it could be of. */
export interface Point {
  at: number;
  figures: Partial<Record<Figure, number>>;
}

export type Health = "starting" | "live" | "silent" | "failing";

export interface Reading {
  points: Point[];
  /** The last metrics that came, and when. */
  metrics: Metrics | null;
  at: number | null;
  ready: Map<string, boolean>;
  health: Health;
  /** Why the last reading failed. */
  why: string;
  /** Since when. */
  since: number;
}

const entries = <K extends string>(table: Record<K, string>): [K, string][] => Object.entries(table) as [K, string][];

/** What two readings in a row say; of the first one alone only what needs no other. */
export function figuresOf(later: Metrics, earlier: Metrics | null): Point["figures"] {
  const figures: Point["figures"] = {};
  const put = (figure: Figure, value: number | null): void => {
    if (value !== null && Number.isFinite(value)) figures[figure] = value;
  };
  for (const [figure, name] of entries(NAMES)) put(figure, later.value(name));
  const uptime = (metrics: Metrics): number => metrics.value("uptime_seconds") ?? NaN;
  const elapsed = earlier ? uptime(later) - uptime(earlier) : NaN;
  // A clock that went back is that of a daemon that started anew, and what it counts begins at nothing.
  if (!earlier || !(elapsed > 0)) return figures;
  // What is counted by kind is not there before the first of it.
  const grown = (name: string): number => (later.value(name) ?? 0) - (earlier.value(name) ?? 0);
  for (const [figure, name] of entries(RATES)) put(figure, Math.max(0, grown(name)) / elapsed);
  if (later.value(CPU) !== null) put("cpu", (100 * grown(CPU)) / elapsed);
  for (const [figure, name] of entries(TIMES)) {
    for (const q of [50, 99] as const) {
      put(`${figure}${q}`, quantile(q / 100, later.buckets(name), earlier.buckets(name)));
    }
  }
  return figures;
}

export class Sampler {
  readonly reading: Reading = {
    points: [],
    metrics: null,
    at: null,
    ready: new Map(),
    health: "starting",
    why: "",
    since: Date.now(),
  };
  readonly #api: Api;
  readonly #changed: (reading: Reading) => void;
  readonly #refused: (refusal: Refused) => void;
  readonly #poll: Poll;

  constructor(api: Api, changed: (reading: Reading) => void, refused: (refusal: Refused) => void) {
    this.#api = api;
    this.#changed = changed;
    this.#refused = refused;
    this.#poll = poll((signal) => this.#round(signal), () => EVERY_MS);
  }

  stop(): void {
    this.#poll.stop();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const reading = this.reading;
    let health: Health = "live";
    try {
      const [text, ready] = await Promise.all([this.#api.metrics(signal), this.#api.ready(signal)]);
      this.#take(Metrics.parse(text));
      reading.ready = ready;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) return this.#refused(error);
      health = error instanceof Unreachable ? "silent" : "failing";
      reading.why = error instanceof Error ? error.message : String(error);
    }
    if (health !== reading.health) [reading.health, reading.since] = [health, Date.now()];
    this.#changed(reading);
  }

  #take(metrics: Metrics): void {
    const reading = this.reading;
    const now = Date.now();
    const near = reading.at !== null && now - reading.at < APART_MS;
    reading.points.push({ at: now, figures: figuresOf(metrics, near ? reading.metrics : null) });
    reading.points = reading.points.filter((point) => now - point.at <= KEPT_MS);
    reading.metrics = metrics;
    reading.at = now;
  }
}
