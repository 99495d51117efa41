import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { indexedDbStore } from "../src/indexeddb.ts";
import { client, connected, contents, daemon, dock, useDaemon, useDock } from "./help.ts";

let name: string;
let runs = 0;
useDaemon();
useDock();
beforeEach(async () => {
  name = `run ${++runs}`;
  vi.stubGlobal("navigator", { locks: turns() });
});
afterEach(() => vi.unstubAllGlobals());

/** Node has no Web Locks yet: one after the other, as far as it matters here. */
function turns() {
  const last = new Map<string, Promise<unknown>>();
  return {
    request(lock: string, work: () => Promise<void>) {
      const mine = (last.get(lock) ?? Promise.resolve()).then(work);
      last.set(lock, mine.catch(() => {}));
      return mine;
    },
  };
}

const kept = () => ({ store: indexedDbStore({ name }) });

test("a reload: what is held is shown before there is a connection, and then caught up", async () => {
  await post(daemon, dock, "dispatcher", ["1", "2", "3"]);
  const before = await connected(daemon, "driver", kept());
  await before.channel(dock).loadOlder();
  before.channel(dock).markRead(2);
  await before.close();
  await post(daemon, dock, "dispatcher", ["4"]);
  const proxy = await startProxy(daemon.port);
  proxy.refuse();
  const after = client(daemon, "driver", { ...kept(), url: proxy.url });
  void after.connect();
  await until("it is shown", () => after.channel(dock).messages.length === 3);
  expect(after.connection.state).toBe("connecting");
  expect(after.getSnapshot()).toMatchObject({ user: { name: "driver" }, unread: { byChannel: { [dock]: 1 } } });
  const fresh: string[] = [];
  after.on("message.new", ({ content }) => fresh.push(content));
  proxy.accept();
  await until("caught up", () => after.connection.synced, 5_000);
  expect([contents(after, dock), fresh]).toEqual([["1", "2", "3", "4"], ["4"]]);
  expect(after.unread.byChannel[dock]).toBe(2);
  await after.close();
  await proxy.stop();
});

test("a reload while offline: what was typed goes out with the next page", async () => {
  const proxy = await startProxy(daemon.port);
  const before = await connected(daemon, "dispatcher", { ...kept(), url: proxy.url });
  await before.channel(dock).send("0");
  proxy.refuse();
  proxy.cut();
  await until("cut", () => before.connection.state === "connecting");
  for (const content of ["1", "2", "3"]) void before.channel(dock).send(content);
  await until("they are kept", async () => (await indexedDbStore({ name }).entries("dispatcher"))?.length === 3);
  await before.close();
  const after = client(daemon, "dispatcher", kept());
  void after.connect();
  await until("they are shown", () => after.channel(dock).messages.length === 4);
  await until("they are sent", () => after.getSnapshot().pending === 0 && after.connection.synced);
  expect(contents(after, dock)).toEqual(["0", "1", "2", "3"]);
  expect(await indexedDbStore({ name }).entries("dispatcher")).toEqual([]);
  await proxy.stop();
});

test("two tabs share one outbox: each entry is sent by one of them, once, and both show it", async () => {
  const sends: string[] = [];
  const { WebSocket } = await import("ws");
  class Counting extends WebSocket {
    override send(data: string) {
      const frame = JSON.parse(data);
      if (frame.type === "message") sends.push(frame.clientId);
      super.send(data);
    }
  }
  const options = () => ({ ...kept(), WebSocket: Counting as never });
  const first = client(daemon, "dispatcher", options());
  const second = client(daemon, "dispatcher", options());
  await Promise.all([first.connect(), second.connect()]);
  const all = Array.from({ length: 20 }, (_, n) => (n % 2 ? first : second).channel(dock).send(`${n}`));
  const sent = await Promise.all(all);
  await until("both show all", () => [first, second].every((it) => it.channel(dock).messages.length === 20));
  expect(contents(second, dock)).toEqual(contents(first, dock));
  expect(sends.length).toBe(20);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(20);
  // What one tab sends while the other has no line is shown, and sent, by the one that has.
  second.disconnect();
  const lonely = second.channel(dock).send("through the other");
  expect((await lonely).status).toBe("sent");
  expect(second.connection.state).toBe("disconnected");
});

test("what one tab cancels or fails, the other knows", async () => {
  const first = await connected(daemon, "dispatcher", kept());
  const second = await connected(daemon, "dispatcher", kept());
  const long = first.channel(dock).send("x".repeat(20_000));
  await expect(long).rejects.toMatchObject({ code: "too_large" });
  const [failed] = await until("the other knows", () => {
    const { messages } = second.channel(dock);
    return messages[0]?.status === "failed" && messages;
  });
  expect(second.channel(dock).cancel(failed!.clientId)).toBe(true);
  await until("gone in both", () => [first, second].every((it) => it.channel(dock).messages.length === 0));
});

test("users do not see each other's, and a sign-out leaves nothing", async () => {
  const dispatcher = await connected(daemon, "dispatcher", kept());
  await dispatcher.channel(dock).send("mine");
  await dispatcher.close();
  const proxy = await startProxy(daemon.port);
  proxy.refuse();
  const driver = client(daemon, "driver", { ...kept(), url: proxy.url });
  void driver.connect();
  await until("it tried", () => driver.connection.attempt > 0);
  expect(driver.getSnapshot()).toMatchObject({ user: null, channels: [] });
  const again = await connected(daemon, "dispatcher", kept());
  expect(contents(again, dock)).toEqual(["mine"]);
  await again.close({ purge: true });
  expect(await indexedDbStore({ name }).load("dispatcher")).toEqual({ me: null, channels: [] });
  await proxy.stop();
});

test("a store that fails is told, and the client goes on without it", async () => {
  const store = indexedDbStore({ name });
  const broken = () => Promise.reject(new Error("the disk is full"));
  const errors: string[] = [];
  const dispatcher = client(daemon, "dispatcher", { store: { ...store, load: broken, put: broken, entries: broken, save: broken } });
  dispatcher.on("error", ({ code }) => errors.push(code));
  await dispatcher.connect();
  expect((await dispatcher.channel(dock).send("all the same")).seq).toBe(1);
  expect(errors).toContain("store");
});
