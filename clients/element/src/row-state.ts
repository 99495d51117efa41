/** What a row shows of a message, from what is known of its channel. Used by the message list. Pure. */
import type { ChannelSnapshot, ChatMessage } from "@tenfour/client";
import { place, receipt } from "./grouping.ts";
import type { RowState } from "./message-row.ts";
import type { People } from "./people.ts";
import type { Times } from "./time.ts";

export interface Around {
  readonly messages: readonly ChatMessage[];
  readonly index: number;
  /** Above which message the unread ones begin. */
  readonly divider: number;
  /** The newest of one's own that is stored. */
  readonly lastOwn: number;
  /** Where a message is that is answered. */
  readonly byId: ReadonlyMap<string, number>;
  readonly people: People;
}

export function stateOf({ messages, index, divider, lastOwn, byId, people }: Around, shot: ChannelSnapshot, times: Times): RowState {
  const message = messages[index]!;
  const unread = index === divider;
  const where = place(messages[index - 1], message, messages[index + 1], unread, index + 1 === divider);
  const how = message.mine ? receipt(message, shot) : null;
  const quoted = message.replyToId ? byId.get(message.replyToId) : undefined;
  const group = shot.type === "group";
  const rules = group && (shot.role === "admin" || shot.role === "owner");
  return {
    ...where,
    message,
    unread,
    group,
    quote: !message.replyToId ? undefined : quoted === undefined ? null : messages[quoted]!,
    receipt: how?.state ?? null,
    readers: group && index === lastOwn ? (how?.readers ?? 0) : 0,
    canEdit: message.mine && shot.joined,
    canDelete: (message.mine || rules) && shot.joined,
    canLook: message.status === "sent" && shot.joined && (rules || shot.revisionsVisibleTo === "members"),
    live: message.status === "sent" && shot.joined,
    people,
    dayText: where.day ? times._dayOf(message.createdAt) : "",
  };
}
