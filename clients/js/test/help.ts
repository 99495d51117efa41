/** What the suites of the client share: a daemon, a channel of it, and clients that end with the test. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { WebSocket } from "ws";
import { startDaemon } from "../../test/daemon.mjs";
import { TenfourClient } from "../src/index.ts";
import type { Options } from "../src/index.ts";

export type Daemon = Awaited<ReturnType<typeof startDaemon>>;

/** Of the suite that has called `useDaemon`. */
export let daemon: Daemon;
/** A channel of the dispatcher and the driver, a new one for each test of a suite that has called `useDock`. */
export let dock: string;

export function useDaemon(env: Record<string, string> = {}): void {
  beforeAll(async () => {
    daemon = await startDaemon({ env });
  });
  afterAll(() => daemon?.stop());
}

export function useDock(): void {
  beforeEach(async () => {
    dock = (await daemon.group("Dock", ["dispatcher", "driver"])).id;
  });
}

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
