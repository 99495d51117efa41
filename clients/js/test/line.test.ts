import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { freePort, until } from "../../test/daemon.mjs";
import { startFrameProxy } from "../../test/frames.mjs";
import { uuid } from "../src/backoff.ts";
import { Line } from "../src/line.ts";
import { rest } from "../src/rest.ts";
import { Tokens } from "../src/token.ts";
import type { Frame, ServerFrame } from "../src/types.ts";
import { daemon, useDaemon } from "./help.ts";

const TIMING = { minDelay: 20, maxDelay: 200, stableAfter: 5_000, interval: 20_000, timeout: 10_000, connectTimeout: 10_000 };

useDaemon();

function line(sub: string, url = daemon.url, fetches: typeof fetch = fetch) {
  const hellos: Frame<"hello">[] = [];
  const frames: ServerFrame[] = [];
  const reasons: (string | undefined)[] = [];
  const tokens = new Tokens(() => daemon.token(sub), 10_000);
  const hooks = {
    _admit: async () => {},
    _hello: (hello: Frame<"hello">) => void hellos.push(hello),
    _frame: (frame: ServerFrame) => void frames.push(frame),
    _lost: () => {},
    _changed: () => void reasons.push(it._now.reason?.code),
  };
  const it: Line = new Line(url, WebSocket as never, tokens, rest(url, tokens, fetches)._with, TIMING, hooks);
  it._start();
  return { it, hellos, frames, reasons };
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

test.each([
  ["broken off", Buffer.from([0x81, 1, 0x7b])],
  ["of nothing", Buffer.from([0x81, 4, ...Buffer.from("null")])],
  ["binary", Buffer.from([0x82, 2, 0xff, 0x00])],
])("a frame that is not one (%s) ends the line, which then comes back", async (_, nonsense) => {
  let first = true;
  const proxy = await startFrameProxy(daemon.port, () => {
    const answer = first ? nonsense : true;
    first = false;
    return answer;
  });
  const { it, hellos, reasons } = line("driver", proxy.url);
  await until("it is greeted", () => hellos.length === 1);
  expect(reasons).toContain("protocol");
  it._stop();
  await proxy.stop();
});

test("however long a server says to stay away, there is a limit", async () => {
  const port = await freePort();
  const busy = async () => Response.json({ code: "unavailable", retryAfterMs: 1e9 }, { status: 503 });
  const { it, reasons } = line("driver", `http://127.0.0.1:${port}`, busy);
  await until("it waits", () => it._now.retryAt);
  expect(reasons).toContain("unavailable");
  expect(it._now.retryAt! - Date.now()).toBeLessThan(61_000);
  it._stop();
});
