/** A store that fails, hangs or is shared: no message is lost without a word, and nothing comes back that is settled. */
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../../test/daemon.mjs";
import { startFrameProxy } from "../../test/frames.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { indexedDbStore } from "../src/indexeddb.ts";
import type { News, Store } from "../src/store.ts";
import { client, connected, contents, daemon, dock, useDaemon, useDock } from "./help.ts";

let store: Store;
let name: string;
let runs = 0;
useDaemon();
useDock();
beforeEach(async () => {
  name = `failing ${++runs}`;
  store = indexedDbStore({ name });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const broken = () => Promise.reject(new Error("the disk is full"));

test("what the store cannot take is sent all the same", async () => {
  const errors: string[] = [];
  const dispatcher = await connected(daemon, "dispatcher", { store: { ...store, put: broken } });
  dispatcher.on("error", ({ code }) => errors.push(code));
  const sent = await Promise.all(["1", "2"].map((content) => dispatcher.channel(dock).send(content)));
  expect(sent.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(errors).toEqual(["store", "store"]);
  dispatcher.disconnect();
  const later = dispatcher.channel(dock).send("3");
  await until("it was tried", () => errors.length === 3);
  expect(contents(dispatcher, dock)).toEqual(["1", "2", "3"]);
  await dispatcher.connect();
  expect((await later).seq).toBe(3);
});

test("a failure that the store cannot note stays a failure here", async () => {
  let sends = 0;
  const put: Store["put"] = (user, entry) => (entry.error ? broken() : store.put(user, entry));
  const dispatcher = await connected(daemon, "dispatcher", { store: { ...store, put } });
  dispatcher.on("message.failed", () => sends++);
  await expect(dispatcher.channel(dock).send("x".repeat(20_000))).rejects.toMatchObject({ code: "too_large" });
  for (const content of ["1", "2"]) await dispatcher.channel(dock).send(content);
  expect(dispatcher.channel(dock).messages.map(({ status }) => status)).toEqual(["sent", "sent", "failed"]);
  expect([sends, dispatcher.getSnapshot().failed]).toEqual([1, 1]);
});

test("what was sent does not come back from a store that cannot let go of it", async () => {
  const dispatcher = await connected(daemon, "dispatcher", { store: { ...store, remove: broken } });
  for (const content of ["1", "2", "3"]) {
    await dispatcher.channel(dock).send(content);
    await new Promise((done) => setTimeout(done, 20));
  }
  expect(contents(dispatcher, dock)).toEqual(["1", "2", "3"]);
  expect(dispatcher.getSnapshot().pending).toBe(0);
  expect((await store.entries("dispatcher"))?.length).toBe(3);
});

test("one answer that is missing costs one connection, not one for each channel", async () => {
  let losing = true;
  const frames = await startFrameProxy(daemon.port, ({ type }) => !(losing && (type === "ack" || type === "message")));
  const ids = [dock];
  for (const group of ["A", "B", "C"]) ids.push((await daemon.group(group, ["dispatcher"])).id);
  const dispatcher = await connected(daemon, "dispatcher", { url: frames.url, ackTimeout: 400 });
  let drops = 0;
  dispatcher.on("connection.changed", ({ retryAt }) => {
    if (retryAt) drops++;
    losing &&= !retryAt;
  });
  const sent = await Promise.all(ids.map((id) => dispatcher.channel(id).send("once")));
  expect(sent.map(({ seq }) => seq)).toEqual([1, 1, 1, 1]);
  // Longer than the wait for an ack.
  await new Promise((done) => setTimeout(done, 600));
  expect(drops).toBe(1);
  await frames.stop();
});

test("what one tab is sending, another cannot cancel", async () => {
  const heard: News[] = [];
  const watch: Store["watch"] = (user, told) => store.watch(user, (news) => (told(news), heard.push(news)));
  const proxy = await startProxy(daemon.port);
  const second = await connected(daemon, "dispatcher", { store: { ...store, watch } });
  second.disconnect();
  const own = indexedDbStore({ name });
  const heartbeat = { interval: 10_000, timeout: 10_000 };
  const first = await connected(daemon, "dispatcher", { store: own, url: proxy.url, heartbeat });
  proxy.stall();
  const sending = first.channel(dock).send("on its way");
  await until("it goes out", () => first.channel(dock).messages[0]?.status === "sending");
  await until("the other knows", () => second.channel(dock).messages.length === 1 && heard.some((news) => news.sending));
  await store.entries("dispatcher");
  const { clientId } = second.channel(dock).messages[0]!;
  expect(second.channel(dock).cancel(clientId)).toBe(false);
  // A tab that could not know yet: it is sent, and nobody here is told otherwise.
  await store.remove("dispatcher", clientId);
  store.tell("dispatcher", { cancelled: clientId });
  await until("it is back", async () => (await store.entries("dispatcher"))?.length === 1);
  proxy.flow();
  expect((await sending).seq).toBe(1);
  await until("both show it", () => second.channel(dock).messages[0]?.status === "sent");
  await proxy.stop();
});

test("a sign-out before anybody was known leaves nothing of anybody", async () => {
  for (const user of ["dispatcher", "driver"]) {
    const it = await connected(daemon, user, { store: indexedDbStore({ name }) });
    await it.channel(dock).send("mine");
    await it.close();
  }
  expect((await store.load("driver")).channels.length).toBeGreaterThan(0);
  const nobody = client(daemon, "dispatcher", { store: indexedDbStore({ name }), getToken: () => new Promise(() => {}) });
  void nobody.connect();
  await nobody.close({ purge: true });
  for (const user of ["dispatcher", "driver"]) expect(await store.load(user)).toEqual({ me: null, channels: [] });
});

test("no news among tabs where there is no BroadcastChannel, and all else works", async () => {
  vi.stubGlobal("BroadcastChannel", undefined);
  const dispatcher = await connected(daemon, "dispatcher", { store });
  expect((await dispatcher.channel(dock).send("one")).seq).toBe(1);
});

test("a store that never answers holds nothing up for long", async () => {
  const never = () => new Promise<never>(() => {});
  const hung = { ...store, load: never, save: never, entries: never, put: never, remove: never, purge: never };
  const dispatcher = await connected(daemon, "dispatcher", { store: hung });
  expect((await dispatcher.channel(dock).send("one")).seq).toBe(1);
  await dispatcher.close({ purge: true });
});

test("a closed client takes nothing more, and leaves no timer behind", async () => {
  const set = vi.spyOn(globalThis, "setTimeout");
  const dispatcher = await connected(daemon, "dispatcher", { ackTimeout: 7_000 });
  await dispatcher.channel(dock).send("one");
  await dispatcher.close();
  await expect(dispatcher.channel(dock).send("two")).rejects.toMatchObject({ code: "closed" });
  expect(contents(dispatcher, dock)).toEqual(["one"]);
  type Timer = { _destroyed: boolean; _idleTimeout: number };
  const left = set.mock.results.map(({ value }) => value as Timer).filter((it) => !it._destroyed);
  // Those of the sender: for an ack, and its look at what waits.
  const own = left.map((it) => it._idleTimeout).filter((ms) => (ms > 6_000 && ms <= 7_000) || ms === 60_000);
  expect(own).toEqual([]);
});
