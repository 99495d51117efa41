/** `@tenfour/client`: a tenfour chat, in a browser, a worker or Node. */
export { Channel } from "./channel.ts";
export { TenfourClient } from "./client.ts";
export { TenfourError, UnauthorizedError } from "./errors.ts";
export { memoryStore } from "./store.ts";
export type { Entry, News, Saved, SavedChannel, Store } from "./store.ts";
export type {
  Answer,
  AnswerKind,
  Attachment,
  Announcement,
  ChannelInfo,
  ChannelSnapshot,
  ChatMessage,
  ClientSnapshot,
  Connection,
  ConnectionReason,
  Deletion,
  Draft,
  Events,
  GetToken,
  Instruct,
  Instruction,
  Member,
  MessageStatus,
  Options,
  Peer,
  Presence,
  Reaction,
  Revision,
  Revisions,
  Role,
  SearchHit,
  SearchPage,
  Socket,
  Typer,
  User,
  Via,
} from "./types.ts";
