/**
 * What a message said before it was edited or deleted, and who deleted it.
 *
 * Used by the conversation, for readers whom the channel lets look. What was written goes in as text nodes only.
 */
import type { ChatMessage, TenfourClient } from "@tenfour/client";
import { revisions } from "@tenfour/client/record";
import type { Revisions } from "@tenfour/client/record";
import { h } from "./dom.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

/** What is shown of it. */
export async function revisionsOf(client: TenfourClient, message: ChatMessage, strings: Strings, times: Times): Promise<Node[]> {
  return list(await revisions(client, message.id), client, strings, times);
}

function list(found: Revisions, client: TenfourClient, strings: Strings, times: Times): Node[] {
  const { revisions, deletion } = found;
  const time = (at: string) => h("time", { datetime: at }, times._exact(at));
  const said = revisions.map(({ content, at }) => h("li", {}, time(at), h("p", { class: "history-text", dir: "auto" }, content)));
  const nodes: Node[] = said.length > 0 ? [h("ol", { class: "history-list" }, ...said)] : [h("p", {}, strings.historyHidden)];
  if (deletion) {
    const { byId, byName, at } = deletion;
    const who = byId === null ? null : byId === client.user?.id ? strings.you : (byName ?? strings.somebody);
    nodes.push(h("p", { class: "history-deleted", dir: "auto" }, strings.deletedBy(who, times._exact(at))));
  }
  return nodes;
}
