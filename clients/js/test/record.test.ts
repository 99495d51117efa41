/** What a conversation has kept, over REST beside the client. */
import { expect, test } from "vitest";
import { revisions } from "@tenfour/client/record";
import { TenfourError } from "../src/index.ts";
import { daemon, connected, useDaemon } from "./help.ts";

useDaemon();

test("request calls REST in the user's name, and gives a refused token back once", async () => {
  const reasons: string[] = [];
  const driver = await connected(daemon, "driver", {
    getToken: ({ reason }) => {
      reasons.push(reason);
      return daemon.token("driver");
    },
  });
  const { id } = await daemon.group("Yard", ["driver"]);
  const { channels } = await driver.request<{ channels: { id: string }[] }>("GET", "channels");
  expect(channels.map((channel) => channel.id)).toContain(id);
  const failing = driver.request("GET", "channels/0");
  await expect(failing).rejects.toBeInstanceOf(TenfourError);
  await expect(failing).rejects.toMatchObject({ status: expect.any(Number), retryable: false });
  let calls = 0;
  const answer = await driver.request<number>("GET", "channels", undefined, async (url, init, fetch) => {
    calls++;
    // As if the daemon had taken the first token for an old one.
    const { status } = await fetch(url, calls === 1 ? { ...init, headers: { authorization: "Bearer a.b.c" } } : init);
    return { ok: status === 200, status, json: async () => (status === 200 ? 7 : { code: "unauthorized" }) };
  });
  expect(answer).toBe(7);
  expect(calls).toBe(2);
  expect(reasons).toEqual(["connect", "rejected"]);
  await expect(driver.request("GET", "channels", undefined, () => Promise.reject(new Error("no line")))).rejects.toMatchObject({
    code: "offline",
    retryable: true,
  });
});

test("what a message said before is there for admins, and for members where the channel shows it", async () => {
  const { id } = await daemon.group("Dock", ["dispatcher", "driver"]);
  await daemon.call(`/channels/${id}/members/driver`, { method: "PATCH", body: { role: "admin" } });
  const [dispatcher, driver] = await Promise.all([connected(daemon, "dispatcher"), connected(daemon, "driver")]);
  const sent = await dispatcher.channel(id).send("Gate 3 is free.");
  await dispatcher.channel(id).edit(sent.id, "Gate 4 is free.");
  expect(await revisions(driver, sent.id)).toMatchObject({
    messageId: sent.id,
    senderName: "dispatcher",
    revisions: [{ content: "Gate 3 is free." }, { content: "Gate 4 is free." }],
    deletion: null,
  });
  await expect(revisions(dispatcher, sent.id)).rejects.toMatchObject({ code: "forbidden", status: 403 });
  await daemon.call(`/channels/${id}`, { method: "PATCH", body: { revisionsVisibleTo: "members" } });
  expect((await revisions(dispatcher, sent.id)).revisions).toHaveLength(2);
  await driver.channel(id).delete(sent.id);
  expect((await revisions(driver, sent.id)).deletion).toMatchObject({ byName: "driver" });
  expect(await revisions(dispatcher, sent.id)).toMatchObject({ revisions: [], deletion: { byName: "driver" } });
});
