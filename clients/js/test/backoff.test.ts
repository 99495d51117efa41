import { afterEach, expect, test, vi } from "vitest";
import { freePort, mintToken, until } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { delay, uuid } from "../src/backoff.ts";
import { client, connected, daemon, useDaemon } from "./help.ts";

useDaemon();
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("the wait grows to its bound, and is spread over all of it", () => {
  const waits = (unit: number) => [0, 1, 2, 3, 4, 5, 6, 50, 2_000].map((failures) => delay(failures, 500, 20_000, unit));
  expect(waits(1)).toEqual([1_000, 1_500, 2_500, 4_500, 8_500, 16_500, 20_000, 20_000, 20_000]);
  expect(waits(0)).toEqual(Array(9).fill(500));
  expect(waits(0.5)[8]).toBe(10_250);
});

test("ids are UUIDs of version 4, and differ", () => {
  const ids = Array.from({ length: 1_000 }, uuid);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(1_000);
});

test("a connection that does not last does not start the count over", async () => {
  const proxy = await startProxy(daemon.port);
  const driver = client(daemon, "driver", { url: proxy.url, reconnect: { minDelay: 5, maxDelay: 40, stableAfter: 60_000 } });
  let most = 0;
  driver.on("connection.changed", ({ state, attempt }) => {
    most = Math.max(most, attempt);
    if (state === "connected") setTimeout(() => proxy.cut());
  });
  void driver.connect();
  await until("it counts on", () => most >= 5);
  await driver.close();
  await proxy.stop();
});

/** The browser's own events, which Node has not. */
function browser() {
  const target = new EventTarget();
  vi.stubGlobal("addEventListener", target.addEventListener.bind(target));
  return (name: string) => target.dispatchEvent(new Event(name));
}

test("online is a hint to try at once", async () => {
  const tell = browser();
  const port = await freePort();
  const reconnect = { minDelay: 20_000, maxDelay: 40_000 };
  const driver = client(daemon, "driver", { url: `http://127.0.0.1:${port}`, reconnect });
  void driver.connect();
  await until("it waits", () => driver.connection.retryAt);
  expect(driver.connection.retryAt! - Date.now()).toBeGreaterThan(10_000);
  const proxy = await startProxy(daemon.port, port);
  tell("online");
  expect(driver.connection.retryAt! - Date.now()).toBeLessThan(501);
  await until("it is there", () => driver.connection.synced, 3_000);
  await driver.close();
  await proxy.stop();
});

test("offline is a hint to look: a good line stays, a dead one is given up", async () => {
  const tell = browser();
  const proxy = await startProxy(daemon.port);
  const driver = await connected(daemon, "driver", { url: proxy.url, heartbeat: { interval: 60_000, timeout: 300 } });
  let changes = 0;
  driver.on("connection.changed", () => changes++);
  tell("offline");
  await new Promise((done) => setTimeout(done, 500));
  expect(changes).toBe(0);
  proxy.halfOpen();
  tell("offline");
  await until("it knows", () => driver.connection.reason?.code === "no_answer", 2_000);
  await until("it is back", () => driver.connection.synced);
  await driver.close();
  await proxy.stop();
});

test("a device whose clock is far ahead does not ask for tokens without end", async () => {
  let asked = 0;
  const getToken = () => {
    asked++;
    const now = Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
    return mintToken({ sub: "driver", name: "driver", iat: now, exp: now + 900 }, daemon.secret);
  };
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
  const driver = await connected(daemon, "driver", { getToken });
  await driver.channels.list();
  await driver.channels.list();
  await new Promise((done) => setTimeout(done, 1_500));
  expect(asked).toBe(1);
});

test("without a WebSocket it says so", async () => {
  vi.stubGlobal("WebSocket", undefined);
  const driver = client(daemon, "driver", { WebSocket: undefined as never });
  await expect(driver.connect()).rejects.toMatchObject({ code: "no_websocket" });
});
