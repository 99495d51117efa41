import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startDaemon, until } from "../../test/daemon.mjs";
import { uuid } from "../src/backoff.ts";
import { Line } from "../src/line.ts";
import { Rest } from "../src/rest.ts";
import { Tokens } from "../src/token.ts";
import type { Frame, ServerFrame } from "../src/types.ts";

const TIMING = { minDelay: 20, maxDelay: 200, stableAfter: 5_000, interval: 20_000, timeout: 10_000, connectTimeout: 10_000 };

let daemon: Awaited<ReturnType<typeof startDaemon>>;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon?.stop());

function line(sub: string) {
  const hellos: Frame<"hello">[] = [];
  const frames: ServerFrame[] = [];
  const tokens = new Tokens(() => daemon.token(sub), 10_000);
  const hooks = {
    _admit: async () => {},
    _hello: (hello: Frame<"hello">) => void hellos.push(hello),
    _frame: (frame: ServerFrame) => void frames.push(frame),
    _lost: () => {},
    _changed: () => {},
  };
  const it = new Line(daemon.url, WebSocket as never, tokens, new Rest(daemon.url, tokens, fetch), TIMING, hooks);
  it._start();
  return { it, hellos, frames };
}

test("a message goes from one line to another", async () => {
  const { id: channelId } = await daemon.group("Dock", ["dispatcher", "driver"]);
  const [dispatcher, driver] = [line("dispatcher"), line("driver")];
  await until("both are greeted", () => dispatcher.hellos.length === 1 && driver.hellos.length === 1);
  const clientId = uuid();
  dispatcher.it._send({ type: "message", clientId, channelId, content: "Gate 3 is free." });
  await until("the ack", () => dispatcher.frames.some((f) => f.type === "ack" && f.clientId === clientId));
  await until("the message", () => driver.frames.some((f) => f.type === "message" && f.data.content === "Gate 3 is free."));
  for (const { it } of [dispatcher, driver]) it._stop();
  expect(dispatcher.it._now.state).toBe("disconnected");
});
