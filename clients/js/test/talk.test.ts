import { expect, test } from "vitest";
import { flood, post, until } from "../../test/daemon.mjs";
import { startFrameProxy } from "../../test/frames.mjs";
import type { Announcement, ChatMessage } from "../src/index.ts";
import { client, connected, contents, daemon, dock, useDaemon, useDock } from "./help.ts";

useDaemon();
useDock();

test("a message is shown at once, then stored, and comes to the other", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver");
  const came: ChatMessage[] = [];
  driver.on("message.new", (message) => came.push(message));
  const sending = dispatcher.channel(dock).send("Gate 3 is free.");
  const [shown] = dispatcher.channel(dock).messages;
  expect(shown).toMatchObject({ content: "Gate 3 is free.", status: "queued", mine: true, id: "" });
  const sent = await sending;
  expect(sent).toMatchObject({ status: "sent", seq: 1, version: 1, key: shown!.key, senderName: "dispatcher" });
  expect(dispatcher.channel(dock).messages).toEqual([sent]);
  await until("it came", () => came.length === 1);
  expect(came[0]).toMatchObject({ id: sent.id, mine: false, content: "Gate 3 is free." });
  expect(driver.channel(dock).messages).toEqual(came);
});

test("what is sent before there is a connection goes out with it, in order", async () => {
  const driver = await connected(daemon, "driver");
  const dispatcher = client(daemon, "dispatcher");
  const all = ["one", "two", "three"].map((content) => dispatcher.channel(dock).send(content));
  expect(dispatcher.getSnapshot()).toMatchObject({ pending: 3, connection: { state: "disconnected" } });
  await dispatcher.connect();
  expect((await Promise.all(all)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  await until("all came", () => driver.channel(dock).messages.length === 3);
  expect(contents(driver, dock)).toEqual(["one", "two", "three"]);
});

test("edits, deletions and replies", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver");
  const channel = dispatcher.channel(dock);
  const first = await channel.send("Gate 3");
  const reply = await channel.send({ content: "{}", contentType: "location", replyToId: first.id });
  await channel.edit(first.id, "Gate 4");
  await channel.delete(reply.id);
  const expected = [
    { content: "Gate 4", version: 3, status: "sent" },
    { content: "", contentType: "location", replyToId: first.id, version: 4, deletedAt: expect.any(String) },
  ];
  await until("the driver has the deletion", () => driver.channel(dock).messages[1]?.deletedAt);
  for (const it of [dispatcher, driver]) expect(it.channel(dock).messages).toMatchObject(expected);
  await expect(driver.channel(dock).edit(first.id, "Gate 5")).rejects.toMatchObject({ code: "forbidden", status: 403 });
  await expect(channel.edit(reply.id, "again")).rejects.toMatchObject({ code: "conflict", retryable: false });
});

test("unread counts and read marks", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver");
  const phone = await connected(daemon, "driver");
  const sent = [];
  for (const content of ["1", "2", "3"]) sent.push(await dispatcher.channel(dock).send(content));
  const unread = (it: typeof driver) => it.getSnapshot().unread.byChannel[dock];
  await until("three are unread", () => unread(driver) === 3 && unread(phone) === 3);
  expect(unread(dispatcher)).toBe(0);
  await dispatcher.channel(dock).delete(sent[1]!.id);
  await until("a deleted one does not count", () => unread(driver) === 2 && unread(phone) === 2);
  driver.channel(dock).markRead(1);
  expect(unread(driver)).toBe(1);
  await until("the other device knows", () => unread(phone) === 1);
  driver.channel(dock).markRead();
  expect(driver.unread).toEqual({ total: driver.unread.total, byChannel: expect.objectContaining({ [dock]: 0 }) });
  await until("the other device knows", () => unread(phone) === 0);
  const reader = driver.user!.id;
  await until("the sender knows", () => dispatcher.channel(dock).getSnapshot().reads[reader] === 3);
  const fresh = await connected(daemon, "driver");
  expect(unread(fresh)).toBe(0);
});

test("a read mark that is refused for good is not sent again", async () => {
  await post(daemon, dock, "dispatcher", ["1"]);
  const frames = await startFrameProxy(daemon.port, () => true);
  const driver = await connected(daemon, "driver", { url: frames.url });
  const errors: string[] = [];
  driver.on("error", ({ code }) => errors.push(code));
  driver.channel(dock).markRead(0.5);
  await until("it is refused", () => frames.seen.some(({ type }) => type === "error"));
  // Longer than the wait of one that is refused for now.
  await new Promise((done) => setTimeout(done, 1_500));
  expect(frames.seen.filter(({ type }) => type === "error").length).toBe(1);
  expect(errors).toEqual(["invalid_frame"]);
  await frames.stop();
});

test("typing is told, and ends with a message or by itself", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver");
  const typing = () => dispatcher.channel(dock).getSnapshot().typing;
  driver.channel(dock).keystroke();
  driver.channel(dock).keystroke();
  await until("the driver types", () => typing().length === 1);
  expect(typing()).toEqual([{ userId: driver.user!.id, name: "driver" }]);
  await driver.channel(dock).send("On my way.");
  await until("it ended", () => typing().length === 0);
});

test("presence and members", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver");
  const id = driver.user!.id;
  const online = () => dispatcher.getSnapshot().presence[id]?.online;
  await until("the driver is there", online);
  expect(dispatcher.channel(dock).getSnapshot().online).toContain(id);
  const changes: boolean[] = [];
  dispatcher.on("presence.changed", (change) => change.userId === id && changes.push(change.online));
  driver.disconnect();
  await until("the driver is gone", () => !online());
  await driver.connect();
  await until("the driver is back", online);
  expect(changes).toEqual([false, true]);
  const members = await dispatcher.channel(dock).loadMembers();
  expect(members.map(({ name }) => name).sort()).toEqual(["dispatcher", "driver"]);
});

test("channels are made, renamed, joined and left", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const driver = await connected(daemon, "driver");
  await connected(daemon, "mechanic");
  const events: string[] = [];
  driver.on("channel.added", ({ name }) => events.push(`added ${name}`));
  driver.on("channel.removed", () => events.push("removed"));
  const yard = await dispatcher.channels.create({ name: "Yard", memberIds: ["driver"] });
  await until("it came to the driver", () => events.length === 1);
  const seen = driver.channel(yard.id);
  expect(seen.getSnapshot()).toMatchObject({ joined: true, name: "Yard", role: "member" });
  await yard.rename("Yard 2");
  await yard.addMembers(["mechanic"]);
  await yard.setRole("driver", "admin");
  await until("the driver knows all of it", () => {
    const { name, role, memberIds } = seen.getSnapshot();
    return name === "Yard 2" && role === "admin" && memberIds.length === 3;
  });
  await yard.removeMember("driver");
  await until("removed", () => !seen.getSnapshot().joined);
  expect(events).toEqual(["added Yard", "removed"]);
  expect(driver.getSnapshot().channels.map(({ id }) => id)).not.toContain(yard.id);
  await yard.addMembers(["driver"]);
  await until("back again", () => seen.getSnapshot().joined);
  await seen.leave();
  await until("left", () => !seen.getSnapshot().joined);
  const direct = await driver.channels.direct("dispatcher");
  expect((await driver.channels.direct("dispatcher")).id).toBe(direct.id);
  expect(direct.getSnapshot()).toMatchObject({ type: "direct", peer: { name: "dispatcher" } });
  expect((await driver.channels.list()).map(({ id }) => id).sort()).toEqual(
    driver.getSnapshot().channels.map(({ id }) => id).sort(),
  );
});

test("history is loaded upwards, page by page, to its beginning", async () => {
  const count = 1_050;
  const texts = await flood(daemon, dock, "dispatcher", count);
  const driver = await connected(daemon, "driver");
  const channel = driver.channel(dock);
  expect(channel.getSnapshot()).toMatchObject({ hasOlder: true, lastSeq: count, unread: count, messages: [] });
  await channel.loadOlder();
  expect(channel.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, n) => count - 49 + n));
  while (channel.getSnapshot().hasOlder) {
    const twice = [channel.loadOlder({ limit: 200 }), channel.loadOlder({ limit: 200 })];
    expect(channel.getSnapshot().isLoading).toBe(true);
    await Promise.all(twice);
  }
  expect(contents(driver, dock)).toEqual(texts);
  expect(channel.getSnapshot()).toMatchObject({ hasOlder: false, isLoading: false, unread: count });
  channel.trim();
  expect(channel.messages.length).toBe(200);
  expect(channel.getSnapshot().hasOlder).toBe(true);
});

test("a change that comes while its page is on the way is not overwritten by it", async () => {
  const sent = await post(daemon, dock, "dispatcher", ["old", "older"]);
  const driver = await connected(daemon, "driver");
  let answer = () => {};
  const held = new Promise<void>((done) => (answer = done));
  const slow = await connected(daemon, "driver", {
    fetch: async (...args) => {
      const got = await fetch(...args);
      await held;
      return got;
    },
  });
  const loading = slow.channel(dock).loadOlder();
  await until("the page was read", () => slow.channel(dock).getSnapshot().isLoading);
  await daemon.call(`/messages/${sent[0].id}`, { method: "PATCH", as: "dispatcher", body: { content: "new" } });
  await until("the change came", () => driver.channel(dock)._cursor._version === 3 && slow.channel(dock)._cursor._version === 3);
  answer();
  await loading;
  expect(contents(slow, dock)).toEqual(["new", "older"]);
});

test("an answer that comes late does not take back what came after it", async () => {
  const [sent] = await post(daemon, dock, "dispatcher", ["one"]);
  let answer = () => {};
  const held = new Promise<void>((done) => (answer = done));
  const slow = await connected(daemon, "dispatcher", {
    fetch: async (...args) => {
      const got = await fetch(...args);
      if (args[1]?.method === "PATCH") await held;
      return got;
    },
  });
  await slow.channel(dock).loadOlder();
  const editing = slow.channel(dock).edit(sent.id, "two");
  await until("the edit is told", () => contents(slow, dock)[0] === "two");
  await daemon.call(`/messages/${sent.id}`, { method: "PATCH", as: "dispatcher", body: { content: "three" } });
  await until("the next one is told", () => contents(slow, dock)[0] === "three");
  answer();
  await editing;
  expect(contents(slow, dock)).toEqual(["three"]);
});

test("snapshots are the same object until something changes", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const channel = dispatcher.channel(dock);
  await channel.send("one");
  await until("quiet", () => channel.getSnapshot() === channel.getSnapshot());
  const before = channel.getSnapshot();
  expect(Object.is(channel.getSnapshot(), before)).toBe(true);
  expect(Object.is(dispatcher.getSnapshot(), dispatcher.getSnapshot())).toBe(true);
  let told = 0;
  const off = channel.subscribe(() => told++);
  await channel.send("two");
  await until("told", () => told > 0);
  off();
  const after = channel.getSnapshot();
  expect(after).not.toBe(before);
  expect(before.messages.length).toBe(1);
  expect(after.messages[0]).toBe(before.messages[0]);
});

test("what is announced to everybody is an event", async () => {
  const driver = await connected(daemon, "driver");
  const came: Announcement[] = [];
  driver.on("announcement", (announcement) => came.push(announcement));
  const made = await fetch(`${daemon.adminUrl}/admin/announcements`, {
    method: "POST",
    headers: { authorization: `Bearer ${daemon.token("operator", { scope: "admin" })}` },
    body: JSON.stringify({ text: "We are back at noon.", level: "warning" }),
  });
  expect(made.status).toBe(201);
  await until("it came", () => came.length === 1);
  expect(came).toEqual([{ type: "announcement", ...((await made.json()) as object) }]);
});
