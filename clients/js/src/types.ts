/**
 * The shapes that the application sees. What is on the wire comes from the server's own schema (`types.gen.ts`), so that
 * the two cannot drift.
 */
import type { TenfourError } from "./errors.ts";
import type { Store } from "./store.ts";
import type { components } from "./types.gen.ts";

type Schemas = components["schemas"];

export type ServerFrame = Schemas["ServerFrame"];
export type ClientFrame = Schemas["ClientFrame"];
/** One frame by its type. */
export type Frame<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;
export type Hello = Schemas["Hello"];
export type WireMessage = Schemas["Message"];
/** What an older daemon does not say, or a store does not hold, may be absent. */
export type WireChannel = Omit<Schemas["Channel"], "revisionsVisibleTo"> & Partial<Pick<Schemas["Channel"], "revisionsVisibleTo">>;
export type Attachment = Schemas["Attachment"];
export type Revision = Schemas["Revision"];
export type Deletion = Schemas["Deletion"];
export type Revisions = Schemas["Revisions"];
export type SearchHit = Schemas["SearchHit"];
export type SearchPage = Schemas["SearchPage"];
export type Reaction = Schemas["Reaction"];
export type Instruction = Schemas["Instruction"];
export type Answer = Schemas["Answer"];
export type AnswerKind = Schemas["AnswerKind"];
export type Member = Schemas["Member"];
export type Role = Schemas["Role"];
export type User = Schemas["UserBody"];
export type Peer = Schemas["PeerBody"];

export type MessageStatus = "queued" | "sending" | "sent" | "failed";

/** A message as it is shown: stored by the server (`sent`), or still on its way. */
export interface ChatMessage extends Readonly<WireMessage> {
  /** The same from the first keystroke's entry to the stored message: the key of a list. */
  readonly key: string;
  readonly status: MessageStatus;
  /** Sent by this user, from whichever device. */
  readonly mine: boolean;
  /** Of a failed one: why. */
  readonly error?: TenfourError;
}
// An unsent message has the `id` "", `seq` and `version` 0 and this device's time in `createdAt`.

/** What the application gives to send. */
export interface Draft {
  content: string;
  contentType?: string;
  replyToId?: string;
  /** Of files that were uploaded: what `upload` has given. With them `content` may be empty. */
  attachments?: readonly Attachment[];
  /** The same by id alone, for who has no more: they go out, and are shown once the message is loaded from the server. */
  attachmentIds?: string[];
  /** Members whom it names, by their ids as `memberIds` has them. */
  mentionIds?: string[];
  /** Makes it ask for an answer. */
  instruction?: Instruct;
}

export interface Instruct {
  /** Until when, as `Date.toISOString` writes it: in the future when the server stores it, and within a year. */
  deadline?: string;
  /** Of whom, by their ids as `memberIds` has them; of all other members of that moment where it is missing. */
  assigneeIds?: string[];
}

/**
 * How `request` carries a call out: as `fetch`, which it is given, too. For who needs its progress or an answer that is no
 * JSON. Whatever its `json()` gives is the result.
 */
export type Via = (
  url: string,
  init: RequestInit & { headers: Record<string, string>; signal: AbortSignal },
  fetch: typeof globalThis.fetch,
) => Promise<Pick<Response, "ok" | "status" | "json">>;

export interface Typer {
  readonly userId: string;
  readonly name: string;
}

/** A channel without its messages: the entry of a list. */
export interface ChannelInfo {
  readonly id: string;
  /** False before it is known, and after this user was removed. */
  readonly joined: boolean;
  readonly type: "direct" | "group";
  readonly name: string | null;
  readonly role: Role | null;
  /** Of a direct channel: the other one. */
  readonly peer: Peer | null;
  readonly memberIds: readonly string[];
  readonly online: readonly string[];
  /** Who reads what messages said before they were edited; absent where the daemon has not said it. */
  readonly revisionsVisibleTo?: "admins" | "members";
  /** The number of the newest message. */
  readonly lastSeq: number;
  /** How far this user has read. */
  readonly lastReadSeq: number;
  readonly unread: number;
  /** The newest message that is held. */
  readonly lastMessage: ChatMessage | null;
  readonly typing: readonly Typer[];
}

export interface ChannelSnapshot extends ChannelInfo {
  /** Oldest first: those that are loaded, then those on their way. */
  readonly messages: readonly ChatMessage[];
  /** There is more to be loaded by `loadOlder`. */
  readonly hasOlder: boolean;
  readonly isLoading: boolean;
  /** Of others: user id to how far they have read, as far as it is known. */
  readonly reads: Readonly<Record<string, number>>;
  /** Null until `loadMembers` was called; kept up to date from then on. */
  readonly members: readonly Member[] | null;
}

export interface ConnectionReason {
  readonly code: string;
  readonly message: string;
}

export interface Connection {
  readonly state: "disconnected" | "connecting" | "connected";
  /** Connected, and everything that was missed has been fetched. */
  readonly synced: boolean;
  /** Attempts since the last good connection. */
  readonly attempt: number;
  /** When the next attempt comes, as `Date.now()` counts. */
  readonly retryAt: number | null;
  /** Why the last connection or attempt ended. */
  readonly reason: ConnectionReason | null;
}

export interface Presence {
  readonly online: boolean;
  readonly lastSeenAt: string | null;
}

export interface ClientSnapshot {
  readonly connection: Connection;
  readonly user: User | null;
  readonly channels: readonly ChannelInfo[];
  readonly unread: { readonly total: number; readonly byChannel: Readonly<Record<string, number>> };
  readonly presence: Readonly<Record<string, Presence>>;
  /** Messages on their way, failed ones not counted. */
  readonly pending: number;
  readonly failed: number;
}

export type Announcement = Frame<"announcement">;

export interface Events {
  "connection.changed": Connection;
  /** By somebody else, or by this user on another device. */
  "message.new": ChatMessage;
  "message.updated": ChatMessage;
  "message.deleted": ChatMessage;
  /** One of this client's own is stored. */
  "message.sent": ChatMessage;
  "message.failed": ChatMessage;
  "typing.start": { channelId: string } & Typer;
  "typing.stop": { channelId: string; userId: string };
  "read.updated": { channelId: string; userId: string; seq: number; at: string };
  "presence.changed": { userId: string } & Presence;
  "channel.added": ChannelInfo;
  "channel.updated": ChannelInfo;
  "channel.removed": { channelId: string };
  "members.changed": { channelId: string; memberIds: readonly string[] };
  /** What the people who run the daemon have to say to everybody. It may come twice, with the same `id`. */
  announcement: Announcement;
  /** The server's history is another one: what was held of the channel was replaced by its newest page. */
  "sync.reset": { channelId: string };
  error: TenfourError;
}

export type GetToken = (context: {
  /** `rejected`: the server did not take the last one. */
  reason: "connect" | "expiring" | "rejected";
  signal: AbortSignal;
}) => string | Promise<string>;

/** As much of a WebSocket as is needed: the browser's own, or `ws` in Node. */
export interface Socket {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export interface Options {
  /** Of the daemon, such as `https://chat.example.com`. By default where the page comes from. */
  url?: string;
  /** Gives the token of the signed-in user. Throws `UnauthorizedError` if there is none; anything else is tried again. */
  getToken: GetToken;
  /** Where the outbox and the newest messages are kept: in memory, or in `indexedDbStore()`. */
  store?: Store | undefined;
  reconnect?: { minDelay?: number; maxDelay?: number; stableAfter?: number };
  /** Silence after which the line is tested, and how long the answer may take. */
  heartbeat?: { interval?: number; timeout?: number };
  connectTimeout?: number;
  ackTimeout?: number;
  /** What may wait to be sent: so many messages, for so long. */
  outbox?: { maxEntries?: number; maxAgeMs?: number };
  WebSocket?: new (url: string, protocols: string[]) => Socket;
  fetch?: typeof fetch;
}
