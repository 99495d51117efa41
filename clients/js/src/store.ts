/**
 * Where a client keeps what has to outlive it: messages that wait to be sent, and the newest of each channel.
 *
 * Used by the client alone. `memoryStore` keeps nothing; `indexedDbStore` shares it among the tabs of a browser. All that
 * passes here has plain names, as it may be read by another version.
 */
import type { Attachment, Instruct, User, WireChannel, WireMessage } from "./types.ts";

/** A message on its way. */
export interface Entry {
  readonly clientId: string;
  readonly channelId: string;
  readonly content: string;
  readonly contentType?: string;
  readonly replyToId?: string;
  readonly attachments?: readonly Attachment[];
  readonly attachmentIds?: string[];
  readonly mentionIds?: string[];
  readonly instruction?: Instruct;
  /** When it was queued, in ms, made unique: the order of sending. */
  readonly at: number;
  /** Why it is not sent again by itself. */
  readonly error?: { code: string; message: string };
}

export interface SavedChannel {
  id: string;
  info: WireChannel;
  epoch: string;
  version: number;
  /** Every message with this `seq` or a higher one is in `messages`, as of `version`. */
  from: number;
  messages: WireMessage[];
}

export interface Saved {
  me: User | null;
  channels: SavedChannel[];
}

/** What one tab tells the others: entries changed, one was stored by the server, was cancelled, or is under way. */
export type News = { sent?: WireMessage; cancelled?: string; sending?: string };

export interface Store {
  load(user: string): Promise<Saved>;
  save(user: string, me: User | null, channels: SavedChannel[], removed: string[]): Promise<void>;
  /** All entries; null if nobody but this client can have changed them. */
  entries(user: string): Promise<Entry[] | null>;
  put(user: string, entry: Entry): Promise<unknown>;
  remove(user: string, clientId: string): Promise<void>;
  /** Runs `work` while no other tab runs such work for this user. */
  lock(user: string, work: () => Promise<void>): Promise<unknown>;
  tell(user: string, news: News): void;
  /** Calls back on news of other tabs. */
  watch(user: string, told: (news: News) => void): void;
  /** Forgets everything of a user; where it is "", of all users. */
  purge(user: string): Promise<void>;
  close(): void;
}

/** Keeps nothing beyond the client's own memory, which is the same as no store at all. */
export function memoryStore(): undefined {}
