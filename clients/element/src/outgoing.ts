/** What a draft becomes when it is sent. Used by the conversation. Pure. */
import type { Draft as Outgoing } from "@tenfour/client";
import type { Draft } from "./drafts.ts";

/** Whether a name still stands there, and not as the beginning of another one: `@Driver 12` names no Driver 1. */
function stands(name: string, all: readonly { name: string }[], text: string): boolean {
  const without = all.reduce((rest, other) => (other.name.length > name.length ? rest.replaceAll(`@${other.name}`, "") : rest), text);
  return without.split(`@${name}`).slice(1).some((after) => !/^[\p{L}\p{N}]/u.test(after));
}

/** It asks those whom it names, or else all others. */
export function outgoing({ text, reply, files = [], ask, mentions = [] }: Draft, now = Date.now()): Outgoing {
  const ids = [...new Set(mentions.filter(({ name }) => stands(name, mentions, text)).map(({ id }) => id))];
  const some = ids.length > 0;
  const instruction = { ...(ask && { deadline: new Date(now + ask * 60_000).toISOString() }), ...(some && { assigneeIds: ids }) };
  return {
    content: text.trim(),
    ...(reply && { replyToId: reply.id }),
    ...(files.length > 0 && { attachments: files }),
    ...(some && { mentionIds: ids }),
    ...(ask !== undefined && { instruction }),
  };
}
