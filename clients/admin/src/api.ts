/**
 * Asks the daemon. The token travels in a header, never in an address; where the daemon stands is where the page came
 * from. Nothing here changes anything but the end of a session.
 */

import type { Actors, Json, Online, Page, Room, RoomDetail, Session } from "./types.ts";

/** How long an answer may take: an actor has a second, the other nodes 1.5, the database 2. */
const WITHIN_MS = 8000;
/** The most that the daemon puts on one page. */
const LONGEST_PAGE = 1000;
/** What is loaded of a list for searching and sorting it here. */
export const MOST = 10_000;

/** The daemon answered, and it is no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** There was no answer. */
export class Unreachable extends Error {}

export interface Loaded<T> {
  items: T[];
  total: number;
  unanswered: string[];
}

type Filter = Record<string, string | undefined>;

async function refusal(response: Response): Promise<Refused> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  return new Refused(response.status, problem.detail ?? `the daemon answered ${response.status}`);
}

export class Api {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  async #fetch(path: string, signal?: AbortSignal, method = "GET"): Promise<Response> {
    try {
      return await fetch(path, {
        method,
        headers: { authorization: `Bearer ${this.#token}` },
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        signal: AbortSignal.any([AbortSignal.timeout(WITHIN_MS), ...(signal ? [signal] : [])]),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw new Unreachable("the daemon does not answer", { cause: error });
    }
  }

  async #json<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.#fetch(path, signal);
    if (!response.ok) throw await refusal(response);
    return (await response.json()) as T;
  }

  async #page<T>(list: string, field: string, filter: Filter, signal: AbortSignal): Promise<Page<T>> {
    const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const answer = await this.#json<{ [name: string]: Json }>(`${list}?${new URLSearchParams(given)}`, signal);
    return { ...(answer as unknown as Page<T>), items: answer[field] as unknown as T[] };
  }

  /** All pages of a list, up to `MOST`. */
  async #all<T>(list: string, field: string, filter: Filter, signal: AbortSignal): Promise<Loaded<T>> {
    const items: T[] = [];
    const unanswered = new Set<string>();
    let after: string | undefined;
    for (;;) {
      const page = await this.#page<T>(list, field, { ...filter, after, limit: `${LONGEST_PAGE}` }, signal);
      items.push(...page.items);
      page.unanswered?.forEach((node) => unanswered.add(node));
      if (page.next === null || items.length >= MOST) {
        return { items, total: Math.max(page.total, items.length), unanswered: [...unanswered] };
      }
      after = page.next;
    }
  }

  sessions(filter: { userId?: string; channelId?: string }, signal: AbortSignal): Promise<Loaded<Session>> {
    return this.#all("sessions", "sessions", filter, signal);
  }

  rooms(signal: AbortSignal): Promise<Loaded<Room>> {
    return this.#all("rooms", "rooms", {}, signal);
  }

  presence(signal: AbortSignal): Promise<Loaded<Online>> {
    return this.#all("presence", "online", {}, signal);
  }

  session(id: string, signal?: AbortSignal): Promise<Session> {
    return this.#json(`sessions/${encodeURIComponent(id)}`, signal);
  }

  room(id: string, signal: AbortSignal): Promise<RoomDetail> {
    return this.#json(`rooms/${encodeURIComponent(id)}`, signal);
  }

  actors(signal?: AbortSignal): Promise<Actors> {
    return this.#json("actors", signal);
  }

  async end(id: string): Promise<void> {
    const response = await this.#fetch(`sessions/${encodeURIComponent(id)}`, undefined, "DELETE");
    if (!response.ok) throw await refusal(response);
  }

  async metrics(signal: AbortSignal): Promise<string> {
    const response = await this.#fetch("../metrics", signal);
    if (!response.ok) throw await refusal(response);
    return response.text();
  }

  /** Which of the daemon's checks pass: `database`, `accepting`. */
  async ready(signal: AbortSignal): Promise<Map<string, boolean>> {
    const response = await this.#fetch("../readyz", signal);
    const lines = (await response.text()).matchAll(/^(ok|failed) (\w+)$/gm);
    return new Map([...lines].map(([, said, check]) => [check ?? "", said === "ok"]));
  }
}
