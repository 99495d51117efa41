/**
 * What is open in a channel: messages that ask for an answer, and who is waited for.
 *
 * Used by the conversation, which goes to the one that is chosen.
 */
import { instructions, standing } from "@tenfour/client/record";
import type { ChatMessage, TenfourClient } from "@tenfour/client";
import { headline, lines } from "./asked.ts";
import { gist } from "./attached.ts";
import { h } from "./dom.ts";
import { short } from "./message-row.ts";
import type { People } from "./people.ts";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

const PAGE = 200;

export async function openOnes(
  client: TenfourClient,
  channelId: string,
  people: People,
  strings: Strings,
  times: Times,
  go: (message: ChatMessage) => void,
): Promise<Node[]> {
  const all: ChatMessage[] = [];
  for (let more = true; more; ) {
    const page = await instructions(client, { channelId, limit: PAGE, before: all.at(-1)?.id });
    all.push(...page.messages);
    more = page.hasMore;
  }
  const one = (message: ChatMessage) => {
    const asks = message.instruction!;
    const stands = standing(asks, people._here);
    return h(
      "li",
      { class: asks.overdueAt ? "overdue" : null },
      h("button", { class: "link", dir: "auto", onclick: () => go(message) }, short(gist(message))),
      h("div", { class: "asked-head" }, headline(asks, stands, strings, times)),
      h("ul", { class: "answers" }, ...lines(stands, people, strings)),
    );
  };
  return all.length > 0 ? [h("ul", { class: "history-list" }, ...all.map(one))] : [h("p", {}, strings.noneOpen)];
}
