import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startDaemon, until } from "../../test/daemon.mjs";
import { client, connected, contents, type Daemon } from "./help.ts";

let daemon: Daemon;
let slow: Daemon;
let dock: string;
beforeAll(async () => {
  daemon = await startDaemon({ env: { TENFOUR_MAX_CONTENT_BYTES: "100", TENFOUR_MAX_FRAME_BYTES: "2000" } });
  slow = await startDaemon({ env: { TENFOUR_RATE_LIMIT: "10" } });
});
afterAll(() => Promise.all([daemon?.stop(), slow?.stop()]));
beforeEach(async () => {
  dock = (await daemon.group("Dock", ["dispatcher", "driver"])).id;
});

test("what the server refuses for good fails at once, and the rest goes on", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const channel = dispatcher.channel(dock);
  const failed: string[] = [];
  dispatcher.on("message.failed", ({ error }) => failed.push(error!.code));
  const long = channel.send("x".repeat(101));
  const next = channel.send("next");
  await expect(long).rejects.toMatchObject({ code: "too_large", retryable: false });
  await next;
  const [sent, refused] = channel.messages;
  expect([sent!.content, refused!.status, refused!.error?.code]).toEqual(["next", "failed", "too_large"]);
  expect(dispatcher.getSnapshot()).toMatchObject({ pending: 0, failed: 1 });
  await expect(channel.retry(refused!.clientId)).rejects.toMatchObject({ code: "too_large" });
  expect(channel.cancel(refused!.clientId)).toBe(true);
  expect(contents(dispatcher, dock)).toEqual(["next"]);
  expect(failed).toEqual(["too_large", "too_large"]);
  await expect(channel.send("")).rejects.toMatchObject({ code: "invalid_frame" });
});

test("a frame that is too big for the socket fails alone", async () => {
  const dispatcher = await connected(daemon, "dispatcher");
  const channel = dispatcher.channel(dock);
  const huge = channel.send("x".repeat(5_000));
  const next = channel.send("next");
  await expect(huge).rejects.toMatchObject({ code: "too_large" });
  expect((await next).seq).toBe(1);
});

test("a clientId that belongs to another message is a conflict, and can be cancelled", async () => {
  const yard = (await daemon.group("Yard", ["dispatcher"])).id;
  const dispatcher = client(daemon, "dispatcher");
  const sending = dispatcher.channel(dock).send("to the dock");
  const { clientId } = dispatcher.channel(dock).messages[0]!;
  await daemon.call(`/channels/${yard}/messages`, { as: "dispatcher", body: { clientId, content: "to the yard" } });
  await dispatcher.connect();
  await expect(sending).rejects.toMatchObject({ code: "conflict" });
  expect(dispatcher.channel(dock).messages).toMatchObject([{ status: "failed", error: { code: "conflict" } }]);
  expect(dispatcher.channel(dock).cancel(clientId)).toBe(true);
  expect(dispatcher.getSnapshot().failed).toBe(0);
});

test("what is cancelled before there is a line is never sent", async () => {
  const dispatcher = client(daemon, "dispatcher");
  const channel = dispatcher.channel(dock);
  const [first, second] = [channel.send("first"), channel.send("second")];
  expect(channel.cancel(channel.messages[0]!.clientId)).toBe(true);
  expect(channel.cancel("nothing of that name")).toBe(false);
  await expect(first).rejects.toMatchObject({ code: "cancelled" });
  await dispatcher.connect();
  expect((await second).seq).toBe(1);
});

test("the outbox is bounded: more is refused clearly, what is too old fails", async () => {
  const full = client(daemon, "dispatcher", { outbox: { maxEntries: 3 } });
  for (const content of ["1", "2", "3"]) void full.channel(dock).send(content);
  await expect(full.channel(dock).send("4")).rejects.toMatchObject({ code: "outbox_full", retryable: true });
  expect(contents(full, dock)).toEqual(["1", "2", "3"]);
  const old = client(daemon, "driver", { outbox: { maxAgeMs: 1_000 } });
  const sending = [old.channel(dock).send("stale"), old.channel(dock).send("stale too")];
  await new Promise((done) => setTimeout(done, 1_010));
  const fresh = old.channel(dock).send("fresh");
  await old.connect();
  for (const it of sending) await expect(it).rejects.toMatchObject({ code: "expired" });
  expect((await fresh).seq).toBe(1);
});

test("over the rate limit everything waits its turn, in order, and nothing fails", async () => {
  const yard = (await slow.group("Yard", ["dispatcher"])).id;
  const dispatcher = await connected(slow, "dispatcher");
  const texts = Array.from({ length: 50 }, (_, n) => `${n}`);
  let failed = 0;
  dispatcher.on("message.failed", () => failed++);
  const sent = await Promise.all(texts.map((content) => dispatcher.channel(yard).send(content)));
  expect(sent.map(({ seq }) => seq)).toEqual(texts.map((_, n) => n + 1));
  expect([failed, contents(dispatcher, yard)]).toEqual([0, texts]);
});

test("a closed client lets go of those who wait", async () => {
  const dispatcher = client(daemon, "dispatcher");
  const sending = dispatcher.channel(dock).send("one");
  const connecting = client(daemon, "dispatcher", { getToken: () => new Promise(() => {}) });
  const never = connecting.connect();
  await Promise.all([dispatcher.close(), connecting.close()]);
  await expect(sending).rejects.toMatchObject({ code: "closed" });
  await expect(never).rejects.toMatchObject({ code: "closed" });
  await expect(dispatcher.connect()).rejects.toMatchObject({ code: "closed" });
});

test("several channels do not wait for each other", async () => {
  const channels = await Promise.all(["A", "B", "C"].map((name) => daemon.group(name, ["dispatcher"])));
  const dispatcher = await connected(daemon, "dispatcher");
  const sent = channels.flatMap(({ id }) => ["1", "2"].map((content) => dispatcher.channel(id).send(content)));
  await until("all under way", () => dispatcher.getSnapshot().pending < 6);
  expect((await Promise.all(sent)).map(({ seq }) => seq)).toEqual([1, 2, 1, 2, 1, 2]);
});
