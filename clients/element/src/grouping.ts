/**
 * How a message stands among its neighbours: where a day begins, where a run of one sender begins and ends, what is unread.
 *
 * Used by the message list for each row that it shows. Pure.
 */
import type { ChannelSnapshot, ChatMessage } from "@tenfour/client";
import { sameDay, sameMinute } from "./time.ts";

/** Messages of one sender that are further apart begin a new run. */
const RUN_GAP = 5 * 60_000;

export interface Place {
  readonly day: boolean;
  /** First and last of a run of one sender. */
  readonly first: boolean;
  readonly last: boolean;
  /** The time is shown: once a minute and sender. */
  readonly time: boolean;
}

/** `broken`: the unread divider stands above it; `breaks`: above the next one. */
export function place(
  before: ChatMessage | undefined,
  message: ChatMessage,
  after: ChatMessage | undefined,
  broken: boolean,
  breaks: boolean,
): Place {
  const day = !before || !sameDay(before.createdAt, message.createdAt);
  const first = day || broken || !together(before, message);
  const last = !after || breaks || !sameDay(message.createdAt, after.createdAt) || !together(message, after);
  return { day, first, last, time: last || !after || !sameMinute(message.createdAt, after.createdAt) };
}

function together(a: ChatMessage, b: ChatMessage): boolean {
  return a.senderId === b.senderId && a.mine === b.mine && Math.abs(Date.parse(b.createdAt) - Date.parse(a.createdAt)) < RUN_GAP;
}

/** Where the first message is that this user has not read, counted from the mark; -1 if there is none. */
export function firstUnread(messages: readonly ChatMessage[], mark: number): number {
  // From the end: what is unread is mostly little, and what is held may be much.
  let found = -1;
  for (let i = messages.length - 1; i >= 0; i--) {
    const { seq, mine, deletedAt } = messages[i]!;
    if (seq !== 0 && seq <= mark) break;
    if (seq !== 0 && !mine && !deletedAt) found = i;
  }
  return found;
}

export interface Receipt {
  readonly state: "queued" | "sending" | "failed" | "sent" | "read";
  /** Others that have read it. */
  readonly readers: number;
}

/** Of one's own message: how far it has come. In a group it counts as read once everybody has read it. */
export function receipt(message: ChatMessage, channel: Pick<ChannelSnapshot, "type" | "reads" | "memberIds">): Receipt {
  if (message.status !== "sent") return { state: message.status, readers: 0 };
  let readers = 0;
  for (const [user, seq] of Object.entries(channel.reads)) {
    if (seq >= message.seq && user !== message.senderId && channel.memberIds.includes(user)) readers++;
  }
  const others = channel.memberIds.length - 1;
  return { state: readers > 0 && readers >= others ? "read" : "sent", readers };
}
