/** One side of the page: a user, signed in, with the state of their line and the switch that cuts it. */
import type { TenfourChat } from "@tenfour/element";
import { TenfourClient, UnauthorizedError } from "@tenfour/client";
import type { ClientSnapshot } from "@tenfour/client";
import { indexedDbStore } from "@tenfour/client/indexeddb";
import { line } from "./line.ts";
import type { Line } from "./line.ts";
import { seats } from "./users.ts";
import type { User } from "./users.ts";

/** Short, so that a visitor does not wait long for a client to notice; an application keeps the defaults. */
const TIMING = {
  heartbeat: { interval: 2_000, timeout: 2_000 },
  reconnect: { minDelay: 500, maxDelay: 4_000 },
};

/** Takes a fresh copy of the template, which is in the page already. */
export function seat(section: HTMLElement, user: User, channelName: string): { ready: Promise<void>; focus(): void } {
  const part = <T extends HTMLElement>(selector: string) => section.querySelector<T>(selector)!;
  const link = line();
  const client = new TenfourClient({
    getToken: ({ signal }) => token(user, link, signal),
    WebSocket: link.WebSocket,
    fetch: link.fetch,
    store: indexedDbStore({ name: "tenfour-demo" }),
    ...TIMING,
  });

  const heading = part("h2");
  heading.textContent = user.name;
  heading.id = `seat-${user.sub}`;
  section.setAttribute("aria-labelledby", heading.id);
  const chat = part<TenfourChat>("tenfour-chat");
  chat.client = client;
  // Two chats on one page: whoever hears it has to know which one this is.
  chat.strings = { channels: `Conversations of the ${user.name}` };

  const button = part<HTMLButtonElement>("button");
  const show = () => {
    const now = client.getSnapshot();
    const state = link.isCut ? "cut" : now.connection.synced ? "up" : "down";
    section.dataset.line = state;
    setText(part(".status"), `${lineText(now, link)}, ${queueText(now)}`);
    setText(button, link.isCut ? "Restore the line" : "Cut the line");
    button.setAttribute("aria-label", `${button.textContent} of the ${user.name}`);
    const channel = now.channels.find(({ name }) => name === channelName);
    if (channel && chat.getAttribute("channel") !== channel.id) chat.setAttribute("channel", channel.id);
  };
  button.addEventListener("click", () => {
    if (link.isCut) link.restore();
    else link.cut();
    show();
  });
  // Left from a daemon with another database: there is no place where it could be shown, tried again or discarded.
  client.on("message.failed", ({ channelId, clientId }) => {
    const channel = client.channel(channelId);
    if (!channel.getSnapshot().joined) channel.cancel(clientId);
  });
  client.subscribe(show);
  show();
  return { ready: client.connect().then(show), focus: () => chat.focus() };
}

/** The first token came with the page; each later one is asked for over the user's own line. */
async function token(user: User, link: Line, signal: AbortSignal): Promise<string> {
  const { token } = user;
  if (token) {
    user.token = "";
    return token;
  }
  const fresh = (await seats(link.fetch, signal)).users.find(({ sub }) => sub === user.sub);
  if (!fresh) throw new UnauthorizedError(`${user.name} is no user of the demo any more`);
  return fresh.token;
}

function lineText({ connection }: ClientSnapshot, link: Line): string {
  switch (connection.state) {
    case "connected":
      if (link.isCut) return "Line cut, not noticed yet";
      return connection.synced ? "Connected" : "Catching up";
    case "connecting":
      return link.isCut ? "Waiting for the line" : "Connecting";
    case "disconnected":
      return `Stopped (${connection.reason?.message ?? "not connected"})`;
  }
}

function queueText({ pending, failed }: ClientSnapshot): string {
  return `${pending > 0 ? pending : "nothing"} queued${failed > 0 ? `, ${failed} failed` : ""}`;
}

/** A live region reads out each change, and a text that stays the same is none. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
