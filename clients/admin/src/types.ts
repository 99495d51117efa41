/**
 * What the daemon's admin side answers, as far as the console shows it. These answers are not part of the public
 * schema, so they are written down here; the suite holds them against the daemon. Fields marked optional may be missing:
 * an actor that does not answer within its second is shown with what is known without it, and `node` is there only
 * where there are several.
 */

export interface Session {
  id: string;
  userId: string;
  name: string;
  since: string;
  address: string;
  agent: string | null;
  framesQueued: number;
  bytesQueued: number;
  externalId?: string | null;
  tokenExpiresAt?: string;
  lastPong?: string | null;
  channels?: number;
  framesIn?: number;
  framesPerSecond?: number;
  messagesIn?: number;
  rateLimited?: number;
  framesOut?: number;
  bytesOut?: number;
  pending?: number;
  node?: string;
  unresponsive?: boolean;
}

/** The fields beside `id` are missing where the room does not answer. */
export interface Room {
  id: string;
  /** The channel's name and kind, where the daemon tells them. */
  name?: string | null;
  type?: string;
  members?: number;
  sessions?: number;
  version?: number;
  lastSeq?: number;
  inFlight?: number;
  waiting?: number;
  filling?: boolean;
  published?: number;
  restarts?: number;
  startedAt?: string;
  node?: string;
  unresponsive?: boolean;
}

export interface RoomDetail extends Room {
  memberIds?: string[];
  sessionIds?: string[];
  /** The members, where the database answers. */
  people?: { id: string; externalId: string | null; name: string }[];
  /** The same channel's rooms on other nodes. */
  elsewhere?: RoomDetail[];
  unanswered?: string[];
}

export interface Online {
  userId: string;
  sessions: number;
  node?: string;
}

/** One page of something long. */
export interface Page<T> {
  items: T[];
  total: number;
  next: string | null;
  /** Nodes that did not answer; missing where there is one. */
  unanswered?: string[];
}

/** A branch of the tree: its own state, and other branches beside it. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

export interface Actors {
  registry: { restarts: number; state: Json; rooms: { [name: string]: Json }; sessions: { number: number } };
  db: { restarts: number; state: Json; waiting: number };
  presence: { restarts: number; state: Json };
  cluster?: { node: string; others: string[]; bus: { redisUp: boolean; nodes: number; [name: string]: Json } };
}
