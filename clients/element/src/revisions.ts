/**
 * Shows what a message said before it was edited or deleted, and who deleted it.
 *
 * Used by the conversation, for readers whom the channel lets look. What was written goes in as text nodes only.
 */
import type { ChatMessage, TenfourClient } from "@tenfour/client";
import { revisions } from "@tenfour/client/record";
import type { Revisions } from "@tenfour/client/record";
import { h } from "./dom.ts";
import { modal } from "./modal.ts";
import type { Failure, Strings } from "./strings.ts";
import type { Times } from "./time.ts";

/** Resolves once it is closed. `failure` says why a call did not go through. */
export async function showRevisions(
  parent: Node,
  client: TenfourClient,
  message: ChatMessage,
  strings: Strings,
  times: Times,
  failure: (call: () => Promise<unknown>) => Promise<Failure | "">,
): Promise<void> {
  const body = h("div", { class: "history-body", role: "group", tabindex: 0, "aria-label": strings.history, "aria-live": "polite" });
  const close = h("button", { type: "button", class: "button" }, strings.close);
  const { _dialog: dialog, _closed: closed } = modal(parent, "history", strings.history, "", body, h("div", { class: "buttons" }, close));
  close.addEventListener("click", () => dialog.close());
  close.focus();

  const load = async () => {
    body.replaceChildren(h("p", { class: "history-loading" }, h("span", { class: "spinner" }), h("span", { class: "sr" }, strings.loading)));
    let found: Revisions | undefined;
    const why = await failure(async () => (found = await revisions(client, message.id)));
    if (found) return body.replaceChildren(...list(found, client, strings, times));
    const retry = h("button", { type: "button", class: "link" }, strings.retry);
    retry.addEventListener("click", () => {
      close.focus();
      void load();
    });
    body.replaceChildren(h("p", { class: "history-trouble", role: "alert" }, strings.historyFailed(why || "unknown")), retry);
  };
  void load();
  await closed;
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
