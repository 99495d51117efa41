/** What a draft becomes when it is sent. Used by the conversation. Pure. */
import type { Draft as Outgoing } from "@tenfour/client";
import type { Draft } from "./drafts.ts";

export function outgoing({ text, reply, files = [], ask }: Draft, now = Date.now()): Outgoing {
  return {
    content: text.trim(),
    ...(reply && { replyToId: reply.id }),
    ...(files.length > 0 && { attachments: files }),
    ...(ask !== undefined && { instruction: ask ? { deadline: new Date(now + ask * 60_000).toISOString() } : {} }),
  };
}
