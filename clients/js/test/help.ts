/** What the suites of the client share: clients of a daemon, ended with the test. */
import { afterEach } from "vitest";
import { WebSocket } from "ws";
import type { startDaemon } from "../../test/daemon.mjs";
import { TenfourClient } from "../src/index.ts";
import type { Options } from "../src/index.ts";

export type Daemon = Awaited<ReturnType<typeof startDaemon>>;

const clients: TenfourClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

/** Waits short enough for a test. */
export const FAST = {
  reconnect: { minDelay: 20, maxDelay: 300, stableAfter: 1_000 },
  heartbeat: { interval: 300, timeout: 700 },
  ackTimeout: 3_000,
  connectTimeout: 2_000,
};

export function client(daemon: Daemon, sub: string, options: Partial<Options> = {}): TenfourClient {
  const made = new TenfourClient({
    url: daemon.url,
    getToken: () => daemon.token(sub),
    WebSocket: WebSocket as never,
    ...FAST,
    ...options,
  });
  clients.push(made);
  return made;
}

export async function connected(daemon: Daemon, sub: string, options: Partial<Options> = {}): Promise<TenfourClient> {
  const made = client(daemon, sub, options);
  await made.connect();
  return made;
}

/** What is shown of the messages of a channel, in short. */
export function contents(it: TenfourClient, channelId: string): string[] {
  return it.channel(channelId).messages.map(({ content }) => content);
}
