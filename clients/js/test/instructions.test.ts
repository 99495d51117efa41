/** Reactions, mentions, and messages that ask for an answer. */
import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import { answer, instructions, react, standing } from "@tenfour/client/record";
import { until } from "../../test/daemon.mjs";
import { startFrameProxy } from "../../test/frames.mjs";
import { indexedDbStore } from "../src/indexeddb.ts";
import { client, connected, daemon, dock, useDaemon, useDock } from "./help.ts";

useDaemon();
useDock();

const soon = (ms: number) => new Date(Date.now() + ms).toISOString();

async function both() {
  const [dispatcher, driver] = await Promise.all([connected(daemon, "dispatcher"), connected(daemon, "driver")]);
  const last = (it: typeof driver) => it!.channel(dock).messages.at(-1)!;
  return { dispatcher: dispatcher!, driver: driver!, last };
}

test("a reaction is seen by both, is each one's own, and is taken back", async () => {
  const { dispatcher, driver, last } = await both();
  const { id } = await dispatcher.channel(dock).send("Gate 3 is free.");
  const [me, other] = [dispatcher.user!.id, driver.user!.id];
  await until("it came", () => last(driver)?.id === id);
  expect(await react(driver, id, "👍")).toMatchObject({ mine: false, key: id, reactions: [{ reaction: "👍", userIds: [other] }] });
  await react(dispatcher, id, "👍");
  await react(dispatcher, id, "a/b?c#d");
  await until("both see all", () => [dispatcher, driver].every((it) => last(it).reactions?.length === 2));
  expect(last(driver).reactions).toEqual(last(dispatcher).reactions);
  expect(last(driver).reactions).toEqual([
    { reaction: "👍", userIds: [other, me] },
    { reaction: "a/b?c#d", userIds: [me] },
  ]);
  expect(await react(dispatcher, id, "a/b?c#d", { remove: true })).toMatchObject({ mine: true, updatedAt: null });
  await until("it is gone", () => last(driver).reactions?.length === 1);
  await expect(react(driver, id, "two words")).rejects.toMatchObject({ code: "invalid_frame" });
  await expect(react(driver, id, "\ud800")).rejects.toBeInstanceOf(URIError);
  const stranger = await connected(daemon, "stranger");
  await expect(react(stranger, id, "👍")).rejects.toMatchObject({ code: "not_found" });
});

test("whom a message names, and what it asks for, is shown from the first moment on", async () => {
  const { dispatcher, driver, last } = await both();
  const deadline = soon(60_000);
  const mentionIds = [driver.user!.id];
  const sending = dispatcher.channel(dock).send({ content: "Sign order 18.", mentionIds, instruction: { deadline } });
  const instruction = { deadline, assigneeIds: mentionIds, overdueAt: null, answers: [] };
  expect(last(dispatcher)).toMatchObject({ status: "queued", mentionIds, instruction });
  expect(await sending).toMatchObject({ status: "sent", mentionIds, instruction });
  await until("it came", () => last(driver) !== undefined);
  expect(last(driver)).toMatchObject({ mentionIds, instruction });
  const plain = await dispatcher.channel(dock).send("Nothing more.");
  expect("mentionIds" in plain || "instruction" in plain || "error" in plain).toBe(false);
  const late = dispatcher.channel(dock).send({ content: "Too late.", instruction: { deadline: soon(-1_000) } });
  await expect(late).rejects.toMatchObject({ code: "invalid_frame" });
});

test("an answer is seen by both, may be another one, and is final once it is done", async () => {
  const { dispatcher, driver, last } = await both();
  const { id } = await dispatcher.channel(dock).send({ content: "Sign order 18.", instruction: {} });
  const { id: next } = await dispatcher.channel(dock).send({ content: "And 19.", instruction: { assigneeIds: [driver.user!.id] } });
  const listed = async (of: object = {}) => (await instructions(driver, { channelId: dock, ...of })).messages.map((message) => message.id);
  expect(await listed()).toEqual([next, id]);
  expect(await answer(driver, id, "accepted", "After the break.")).toMatchObject({ instruction: { answers: [{ answer: "accepted", note: "After the break." }] } });
  const seen = () => dispatcher.channel(dock).messages[0]!.instruction!.answers;
  await until("it is seen", () => seen()[0]?.answer === "accepted");
  await answer(driver, id, "declined");
  await until("it is another one", () => seen()[0]?.answer === "declined");
  expect(seen()).toMatchObject([{ userId: driver.user!.id, note: null }]);
  expect(await listed()).toEqual([next]);
  await answer(driver, id, "done");
  await expect(answer(driver, id, "accepted")).rejects.toMatchObject({ code: "conflict" });
  await expect(answer(dispatcher, next, "done")).rejects.toMatchObject({ code: "forbidden" });
  expect(await listed({ state: "all", userId: driver.user!.id })).toEqual([next, id]);
  const page = await instructions(driver, { channelId: dock, state: "all", limit: 1 });
  expect(page).toMatchObject({ hasMore: true, messages: [{ id: next, key: next, mine: false, status: "sent" }] });
  expect(await listed({ state: "all", before: next })).toEqual([id]);
  expect(last(driver).id).toBe(next);
});

test("who has not answered until the deadline is told of as overdue", async () => {
  const { dispatcher, driver, last } = await both();
  await dispatcher.channel(dock).send({ content: "Now, please.", instruction: { deadline: soon(1_500) } });
  await until("both know", () => [dispatcher, driver].every((it) => last(it)?.instruction?.overdueAt));
  const { messages } = await instructions(dispatcher, { channelId: dock, state: "overdue" });
  expect(messages).toMatchObject([{ content: "Now, please.", mine: true }]);
  await answer(driver, last(driver).id, "accepted");
  await until("late, and taken", () => last(dispatcher).instruction!.answers.length === 1);
  expect(last(dispatcher).instruction!.overdueAt).not.toBeNull();
});

test("what waits in the outbox keeps all of it over a reload", async () => {
  const kept = () => ({ store: indexedDbStore({ name: "asked" }) });
  const driver = await connected(daemon, "driver");
  const before = await connected(daemon, "dispatcher", kept());
  before.disconnect();
  const mentionIds = [driver.user!.id];
  const instruction = { deadline: soon(60_000), assigneeIds: mentionIds };
  void before.channel(dock).send({ content: "Sign order 18.", mentionIds, instruction });
  await until("it is kept", async () => (await indexedDbStore({ name: "asked" }).entries("dispatcher"))?.length === 1);
  await before.close();
  const after = client(daemon, "dispatcher", kept());
  void after.connect();
  await until("it came", () => driver.channel(dock).messages.length === 1);
  expect(driver.channel(dock).messages[0]).toMatchObject({ mentionIds, instruction });
});

test("a retry after an answer that got lost is the same send", async () => {
  let lost = false;
  const proxy = await startFrameProxy(daemon.port, (frame) => lost || frame.type !== "ack" || !(lost = true));
  try {
    const driver = await connected(daemon, "driver");
    const dispatcher = await connected(daemon, "dispatcher", { url: proxy.url, ackTimeout: 300 });
    const mentionIds = [driver.user!.id];
    const instruction = { deadline: soon(60_000) };
    const sent = await dispatcher.channel(dock).send({ content: "Sign order 18.", mentionIds, instruction });
    expect(sent).toMatchObject({ seq: 1, mentionIds, instruction });
    await until("it went out again", () => proxy.seen.some(({ type, duplicate }) => type === "ack" && duplicate));
    expect(driver.channel(dock).messages).toMatchObject([{ mentionIds, instruction, seq: 1 }]);
    expect(proxy.seen.filter(({ type }) => type === "error")).toEqual([]);
  } finally {
    await proxy.stop();
  }
});

test("who stands where: who has left without an answer is not waited for", () => {
  const said = (userId: string, answer: "accepted" | "declined" | "done") => ({ userId, answer, note: null, at: "2026-03-01T09:00:00.000Z" });
  const asks = { deadline: null, overdueAt: null, assigneeIds: ["a", "b", "c", "d"], answers: [said("b", "accepted"), said("c", "done")] };
  const now = standing(asks, ["a", "b", "c"]);
  expect(now).toMatchObject({ pending: ["a"], accepted: [{ userId: "b" }], declined: [], done: [{ userId: "c" }], open: true });
  expect(standing(asks, ["b", "c"]).open).toBe(true);
  expect(standing(asks, ["c"])).toMatchObject({ pending: [], open: false });
});
