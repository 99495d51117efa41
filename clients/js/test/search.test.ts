/** Search, over REST beside the client. */
import { expect, test } from "vitest";
import { search, upload } from "@tenfour/client/record";
import { post, until } from "../../test/daemon.mjs";
import { daemon, connected, dock, useDaemon, useDock } from "./help.ts";

useDaemon();
useDock();

test("messages are found in pages, by channel, sender and time, and only one's own channels'", async () => {
  const driver = await connected(daemon, "driver");
  const other = (await daemon.group("Other", ["dispatcher"])).id;
  await post(daemon, other, "dispatcher", ["pallets that are nobody's concern"]);
  await post(daemon, dock, "dispatcher", ["twelve pallets", "thirteen pallets", "no load"]);
  await post(daemon, dock, "driver", ["fourteen pallets"]);
  await until("all are indexed", async () => (await search(driver, { q: "pallets", channelId: dock })).hits.length === 3);
  const first = await search(driver, { q: "pallets", limit: 2 });
  expect(first.hits.map(({ message }) => message.content)).toEqual(["fourteen pallets", "thirteen pallets"]);
  expect(first.hits[0]!.snippet).toEqual([
    { text: "fourteen ", match: false },
    { text: "pallets", match: true },
  ]);
  expect(first.hasMore).toBe(true);
  const second = await search(driver, { q: "pallets", limit: 2, cursor: first.cursor! });
  expect(second.hits.map(({ message }) => message.content)).toEqual(["twelve pallets"]);
  expect(second.hasMore).toBe(false);
  const mine = await search(driver, { q: "pallets", senderId: "driver", channelId: undefined });
  expect(mine.hits.map(({ message }) => message.content)).toEqual(["fourteen pallets"]);
  expect((await search(driver, { q: "pallets", to: new Date(0) })).hits).toEqual([]);
  expect((await search(driver, { q: "pallets", from: new Date(0).toISOString() })).hits).toHaveLength(3);
  expect((await search(driver, { q: "pallets", hasAttachment: true })).hits).toEqual([]);
  expect((await search(driver, { q: "pallets", hasAttachment: false })).hits).toHaveLength(3);
  const { id } = await upload(driver, new File(["twelve"], "load.txt"));
  await driver.channel(dock).send({ content: "the list of pallets", attachmentIds: [id] });
  await until("it is indexed", async () => (await search(driver, { q: "pallets", hasAttachment: true })).hits.length === 1);
  expect((await search(driver, { q: "pallets", hasAttachment: false })).hits).toHaveLength(3);
  await expect(search(driver, { q: "pallets", channelId: other })).rejects.toMatchObject({ code: "not_found" });
  await expect(search(driver, { q: "" })).rejects.toMatchObject({ code: "invalid_frame" });
  await expect(search(driver, { q: "pallets" }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
});
