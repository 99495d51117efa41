import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDaemon } from "../../test/daemon.mjs";
import { mintToken, TenfourServer, tokenRoute } from "../src/index.ts";

let daemon: Awaited<ReturnType<typeof startDaemon>>;
let chat: TenfourServer;
beforeAll(async () => {
  daemon = await startDaemon();
  chat = new TenfourServer({ url: `${daemon.url}/`, secret: daemon.secret });
});
afterAll(() => daemon?.stop());

test("channels, members and messages, as the server and as a user", async () => {
  const dock = await chat.createGroup("Dock", ["dispatcher", "driver"]);
  expect(dock).toMatchObject({ type: "group", name: "Dock", role: null });
  const sent = await chat.as("dispatcher").send(dock.id, "Gate 3 is free.");
  const again = { content: "once", clientId: crypto.randomUUID() };
  const [first, second] = [await chat.as("driver").send(dock.id, again), await chat.as("driver").send(dock.id, again)];
  expect(second.id).toBe(first.id);
  expect((await chat.as("dispatcher").editMessage(sent.id, "Gate 4 is free.")).content).toBe("Gate 4 is free.");
  expect((await chat.deleteMessage(first.id)).deletedAt).not.toBeNull();
  const { messages } = await chat.messages(dock.id, { after: 0, limit: 10 });
  expect(messages.map(({ content }) => content)).toEqual(["Gate 4 is free.", ""]);
  await chat.addMembers(dock.id, ["mechanic"]);
  await chat.setRole(dock.id, "mechanic", "admin");
  await chat.renameChannel(dock.id, "Dock 2");
  await chat.removeMember(dock.id, "driver");
  const members = await chat.members(dock.id);
  expect(members.map(({ externalId, role }) => [externalId, role]).sort()).toEqual([["dispatcher", "member"], ["mechanic", "admin"]]);
  expect((await chat.as("mechanic").channels()).channels).toMatchObject([{ name: "Dock 2", role: "admin" }]);
  expect((await chat.channels({ limit: 1 })).channels.length).toBe(1);
  expect((await chat.direct("dispatcher", "driver")).id).toBe((await chat.direct("driver", "dispatcher")).id);
  expect((await chat.channel(dock.id)).name).toBe("Dock 2");
});

test("a user may have any id, and an id leads nowhere else", async () => {
  for (const id of ["Führer 7 🚚", "司机1", "a/b?c#d"]) {
    const yard = await chat.createGroup("Yard", [id, "dispatcher"]);
    expect((await chat.as(id).send(yard.id, "Here.")).content).toBe("Here.");
    await chat.removeMember(yard.id, id);
    expect((await chat.members(yard.id)).map(({ externalId }) => externalId)).toEqual(["dispatcher"]);
    const elsewhere = `../channels/${yard.id}/members/dispatcher`;
    await expect(chat.deleteMessage(elsewhere)).rejects.toMatchObject({ status: 404 });
    for (const none of ["", ".", ".."]) expect(() => chat.deleteMessage(none)).toThrow(TypeError);
    expect((await chat.members(yard.id)).length).toBe(1);
  }
});

test("what is refused says why", async () => {
  const dock = await chat.createGroup("Dock", ["dispatcher"]);
  await expect(chat.as("driver").channel(dock.id)).rejects.toMatchObject({ code: "not_found", status: 404, retryable: false });
  const wrong = new TenfourServer({ url: daemon.url, secret: "wrong wrong wrong wrong wrong wrong wrong" });
  await expect(wrong.channels()).rejects.toMatchObject({ code: "unauthorized", status: 401 });
  await expect(mintToken("", { id: "driver", name: "Driver 7" })).rejects.toThrow("TENFOUR_JWT_SECRET");
});

test("the token route gives tokens that the daemon takes, and nobody a 401", async () => {
  const route = tokenRoute({
    secret: daemon.secret,
    user: (request) => (request.headers.has("cookie") ? { id: "fahrer-7", name: "Führer 7 🚚" } : null),
  });
  const answer = await route(new Request("http://app.example/api/chat-token", { headers: { cookie: "session=1" } }));
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
  const { channels } = await daemon.call("/channels", { token: await answer.text() });
  expect(channels).toEqual([]);
  expect((await route(new Request("http://app.example/api/chat-token"))).status).toBe(401);
});

test("the route in the README has at most eight lines", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const route = /```ts app\/api\/chat-token\/route\.ts\n([^`]*)```/.exec(readme)![1]!;
  expect(route.trim().split("\n").length).toBeLessThanOrEqual(8);
  expect(route).toContain("tokenRoute");
});
