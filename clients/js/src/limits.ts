/**
 * Every bound and wait of the client that is not an option; times in ms.
 *
 * An enum, as the bundler puts the numbers where they are used.
 */
export const enum Limit {
  /** Messages of a channel that are kept while nobody looks at it. */
  Keep = 200,
  /** From so many on they are trimmed to that. */
  Shrink = 250,
  /** Messages of a channel that are saved. */
  Save = 50,
  /** From a change to its saving. */
  SaveAfter = 500,
  /** For the answer of the store, which is done without after that. */
  Store = 3_000,
  /** Frames of a channel that are kept beyond its cursor; any more are dropped and asked for later. */
  Early = 256,
  /** From one `typing` to the next. */
  TypingEvery = 2_000,
  /** Read marks that follow each other within this time go out as one. */
  MarkAfter = 100,
  /** After a read mark was refused, unless the server says. */
  MarkAgain = 1_000,
  /** The longest that a server's hint can make a client wait. */
  Hint = 60_000,
  /** How long to stay away after being thrown out for breaking the rate limit. */
  RatePause = 5_000,
  /** After a refused or failed refresh of the token the next one is tried this much later. */
  RefreshPause = 10_000,
  /** A fresh token is asked for this long before the end, or a quarter of what is left. */
  RefreshLead = 60_000,
  /** A REST call. */
  Rest = 15_000,
  /** The call that finds out why no connection came. */
  Probe = 4_000,
  /** From a message that was refused for now to its next try, at least and at most, unless the server says. */
  RetryMin = 500,
  RetryMax = 20_000,
  /** The sender looks at what waits this often, though nothing has come. */
  Look = 60_000,
  /** Channels of one `sync`: its frame stays far below the server's limit of 64 KiB. */
  SyncChannels = 500,
  /** After a `sync` that brought nothing new. */
  SyncPause = 1_000,
  /** After a `sync` that was refused, unless the server says. */
  SyncRefused = 2_000,
  /** For the answer to a `sync`, from frame to frame. */
  SyncAnswer = 30_000,
}
