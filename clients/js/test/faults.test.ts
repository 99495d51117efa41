import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { flood, post, until } from "../../test/daemon.mjs";
import { startFrameProxy } from "../../test/frames.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { connected, contents, daemon, dock, useDaemon, useDock } from "./help.ts";

let proxy: Awaited<ReturnType<typeof startProxy>>;
useDaemon({ TENFOUR_DRAIN_MS: "1000" });
useDock();
beforeEach(async () => {
  proxy = await startProxy(daemon.port);
});
afterEach(() => proxy.stop());

/** A dispatcher behind the proxy and a driver on a good line, who looks at the channel. */
async function both() {
  const dispatcher = await connected(daemon, "dispatcher", { url: proxy.url });
  const driver = await connected(daemon, "driver");
  driver.channel(dock).subscribe(() => {});
  dispatcher.channel(dock).subscribe(() => {});
  return { dispatcher, driver };
}

test("a cut line: what was typed meanwhile goes out, and what was missed comes in", async () => {
  const { dispatcher, driver } = await both();
  await dispatcher.channel(dock).send("before");
  proxy.refuse();
  proxy.cut();
  await until("it knows", () => dispatcher.connection.state === "connecting");
  await until("it says when it tries again", () => dispatcher.connection.retryAt && dispatcher.connection.attempt > 1);
  expect(dispatcher.connection).toMatchObject({ synced: false, reason: { code: "offline" } });
  const typed = ["1", "2", "3"].map((content) => dispatcher.channel(dock).send(content));
  expect(dispatcher.channel(dock).messages.map(({ status }) => status)).toEqual(["sent", "queued", "queued", "queued"]);
  await driver.channel(dock).send("meanwhile");
  proxy.accept();
  await Promise.all(typed);
  await until("all is there", () => driver.channel(dock).messages.length === 5 && dispatcher.connection.synced);
  expect(contents(driver, dock)).toEqual(["before", "meanwhile", "1", "2", "3"]);
  expect(contents(dispatcher, dock)).toEqual(contents(driver, dock));
});

test.each(["stall", "halfOpen"] as const)("a line that only seems to be open (%s) is found dead", async (how) => {
  const { dispatcher, driver } = await both();
  const connections = proxy.connections();
  proxy[how]();
  const sending = dispatcher.channel(dock).send("into the void");
  await until("it goes out", () => dispatcher.channel(dock).messages[0]?.status === "sending");
  await until("it knows", () => dispatcher.connection.reason?.code === "no_answer", 5_000);
  proxy.flow();
  expect((await sending).seq).toBe(1);
  await until("it came once", () => driver.channel(dock).messages.length === 1);
  expect(proxy.connections()).toBeGreaterThan(connections);
});

test("an idle line is kept alive by pings, and not found dead", async () => {
  const { dispatcher } = await both();
  const connections = proxy.connections();
  let changes = 0;
  dispatcher.on("connection.changed", () => changes++);
  // Several times the interval.
  await new Promise((done) => setTimeout(done, 1_500));
  expect([proxy.connections() - connections, changes]).toEqual([0, 0]);
});

test("the daemon is killed and comes back: nothing acknowledged is lost, nothing comes twice", async () => {
  const { dispatcher, driver } = await both();
  const sent = Array.from({ length: 60 }, (_, n) => dispatcher.channel(dock).send(`${n}`));
  await sent[10];
  await daemon.kill();
  await until("both know", () => [dispatcher, driver].every((it) => it.connection.state === "connecting"));
  await daemon.start();
  const stored = await Promise.all(sent);
  await until("all came", () => driver.channel(dock).messages.length === 60 && driver.connection.synced);
  const texts = Array.from({ length: 60 }, (_, n) => `${n}`);
  expect(stored.map(({ seq }) => seq)).toEqual(texts.map((_, n) => n + 1));
  for (const it of [dispatcher, driver]) expect(contents(it, dock)).toEqual(texts);
});

test("a daemon that stops says when to come back, and is obeyed", async () => {
  const frames = await startFrameProxy(daemon.port, () => true);
  const driver = await connected(daemon, "driver", { url: frames.url });
  const stopping = daemon.terminate();
  await until("it is gone", () => driver.connection.state === "connecting");
  const { retryAt } = driver.connection;
  const goaway = frames.seen.find(({ type }) => type === "goaway");
  const wait = retryAt! - Date.now();
  expect(wait).toBeGreaterThan(Math.min(goaway.reconnectInMs, 60_000) - 200);
  expect(wait).toBeLessThan(goaway.reconnectInMs + 501);
  await stopping;
  await daemon.start();
  await until("it is back", () => driver.connection.synced, goaway.reconnectInMs + 5_000);
  await frames.stop();
});

test("frames that get lost show as a hole, and are fetched", async () => {
  let losing = false;
  let lost = 0;
  const frames = await startFrameProxy(daemon.port, (frame) => {
    const lose = losing && ["message", "message_updated", "members"].includes(frame.type);
    if (lose) lost++;
    return !lose;
  });
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver", { url: frames.url });
  const first = await dispatcher.channel(dock).send("one");
  await until("the first came", () => driver.channel(dock).messages.length === 1);
  losing = true;
  await dispatcher.channel(dock).edit(first.id, "one, edited");
  await dispatcher.channel(dock).send("two");
  await until("they were lost", () => lost === 2);
  losing = false;
  expect(contents(driver, dock)).toEqual(["one"]);
  await dispatcher.channel(dock).send("three");
  await until("the hole is filled", () => driver.channel(dock).messages.length === 3);
  expect(contents(driver, dock)).toEqual(["one, edited", "two", "three"]);
  expect(frames.seen.filter(({ type }) => type === "sync").length).toBe(1);
  await frames.stop();
});

test("an ack that gets lost: the message is sent again under its clientId, and is stored once", async () => {
  let losing = true;
  const frames = await startFrameProxy(daemon.port, (frame) => !(losing && frame.type === "ack"));
  const dispatcher = await connected(daemon, "dispatcher", { url: frames.url, ackTimeout: 400 });
  const sending = dispatcher.channel(dock).send("once");
  await until("no answer", () => dispatcher.connection.reason?.code === "no_answer");
  losing = false;
  expect((await sending).seq).toBe(1);
  await until("caught up", () => dispatcher.connection.synced);
  expect(contents(dispatcher, dock)).toEqual(["once"]);
  const { messages } = await daemon.call(`/channels/${dock}/messages`);
  expect(messages.length).toBe(1);
  await frames.stop();
});

test("more was missed than one page holds", async () => {
  const { driver, dispatcher } = await both();
  await dispatcher.channel(dock).send("first");
  await until("it came", () => driver.channel(dock).messages.length === 1);
  const fresh: number[] = [];
  driver.on("message.new", ({ seq }) => fresh.push(seq));
  driver.disconnect();
  const texts = await flood(daemon, dock, "dispatcher", 1_100);
  await driver.connect();
  expect(contents(driver, dock)).toEqual(["first", ...texts]);
  expect(driver.unread.byChannel[dock]).toBe(1_101);
  expect(fresh.sort((a, b) => a - b)).toEqual(texts.map((_, n) => n + 2));
});

test("who was removed while away holds nothing of the channel any more", async () => {
  const { driver, dispatcher } = await both();
  await dispatcher.channel(dock).send("one");
  await until("it came", () => driver.channel(dock).messages.length === 1);
  driver.disconnect();
  await daemon.call(`/channels/${dock}/members/driver`, { method: "DELETE" });
  await driver.connect();
  expect(driver.channel(dock).getSnapshot()).toMatchObject({ joined: false, messages: [] });
  await expect(driver.channel(dock).send("two")).rejects.toMatchObject({ code: "not_found" });
  expect(driver.channel(dock).messages).toMatchObject([{ status: "failed", error: { code: "not_found" } }]);
});

test("another history: what is held is replaced, and the application is told", async () => {
  const { driver, dispatcher } = await both();
  const files = () => readdirSync(daemon.folder).filter((name) => /^tenfour\.db(-|\.|$)/.test(name) && !name.endsWith(".attachments"));
  const backup = join(daemon.folder, "backup");
  await post(daemon, dock, "dispatcher", ["1", "2", "3"]);
  await until("three came", () => driver.channel(dock).messages.length === 3);
  await daemon.terminate();
  mkdirSync(backup);
  for (const name of files()) cpSync(join(daemon.folder, name), join(backup, name));
  await daemon.start();
  await post(daemon, dock, "dispatcher", ["4", "5"]);
  await until("all came", () => driver.channel(dock).messages.length === 5, 15_000);
  await daemon.terminate();
  for (const name of files()) rmSync(join(daemon.folder, name));
  for (const name of readdirSync(backup)) if (!name.endsWith("-epoch")) cpSync(join(backup, name), join(daemon.folder, name));
  const resets: string[] = [];
  for (const it of [dispatcher, driver]) it.on("sync.reset", ({ channelId }) => resets.push(channelId));
  await daemon.start();
  await until("both are back", () => [dispatcher, driver].every((it) => it.connection.synced), 15_000);
  expect(resets.filter((id) => id === dock).length).toBe(2);
  for (const it of [dispatcher, driver]) expect(contents(it, dock)).toEqual(["1", "2", "3"]);
  expect(driver.channel(dock).getSnapshot()).toMatchObject({ lastSeq: 3, unread: 3, hasOlder: false });
});
