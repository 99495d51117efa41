/** Real tabs of a real browser over one IndexedDB, with its locks and broadcasts. */
import { expect, test } from "vitest";
import { until } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { browser, daemon, page, proxy, usePage } from "./browser.ts";
import type { TenfourClient } from "../src/index.ts";

declare const chat: TenfourClient;
declare const kept: () => Promise<number>;

usePage("tabs-page.ts");

test("two tabs share one outbox, and what was typed without a line survives a reload", async () => {
  const dock: string = (await daemon.group("Dock", ["dispatcher"])).id;
  const context = await browser.newContext();
  const setting = encodeURIComponent(JSON.stringify({ url: proxy.url, token: daemon.token("dispatcher") }));
  const open = async () => {
    const tab = await context.newPage();
    await tab.goto(`${page.url}/#${setting}`);
    return tab;
  };
  const [first, second] = [await open(), await open()];
  type Tab = typeof first;
  const synced = (tab: Tab) => tab.evaluate(() => chat.connection.synced);
  const shown = (tab: Tab) => tab.evaluate((id) => chat.channel(id).messages.map(({ content, status }) => `${content} ${status}`), dock);
  const type = (tab: Tab, texts: string[]) =>
    tab.evaluate(([id, all]) => all!.forEach((text) => void chat.channel(id as string).send(text)), [dock, texts] as [string, string[]]);
  for (const tab of [first, second]) await until("connected", () => synced(tab));

  await Promise.all([type(first, ["1", "2", "3", "4", "5"]), type(second, ["6", "7", "8", "9", "10"])]);
  const all = async (count: number, tabs = [first, second]) => {
    const lists = await Promise.all(tabs.map(shown));
    return lists.every((list) => list.length === count && list.every((it) => it.endsWith("sent"))) && lists;
  };
  const [left, right] = await until("both show all as sent", () => all(10));
  expect(left).toEqual(right);

  await until("they are kept", async () => (await second.evaluate(() => kept())) === 10);

  proxy.refuse();
  proxy.cut();
  for (const tab of [first, second]) await until("cut", async () => !(await synced(tab)));
  await type(first, ["a", "b"]);
  await type(second, ["c"]);
  await until("each shows the other's", async () => (await shown(first)).length === 13 && (await shown(second)).length === 13);
  await first.close();
  await second.reload();
  await until("they are shown after the reload", async () => (await shown(second)).length === 13);
  expect((await shown(second)).slice(10)).toEqual(["a queued", "b queued", "c queued"]);
  proxy.accept();
  await until("all are sent", () => all(13, [second]), 20_000);
  const { messages } = await daemon.call(`/channels/${dock}/messages`);
  expect(messages.length).toBe(13);
  expect(messages.slice(0, 3).map(({ content }: { content: string }) => content)).toEqual(["c", "b", "a"]);
  await context.close();
});

test("a page that is seen again does not wait to reconnect", async () => {
  await daemon.group("Dock", ["driver"]);
  const line = await startProxy(daemon.port);
  const setting = { url: line.url, token: daemon.token("driver"), reconnect: { minDelay: 60_000, maxDelay: 120_000 } };
  const tab = await browser.newPage();
  await tab.goto(`${page.url}/#${encodeURIComponent(JSON.stringify(setting))}`);
  await until("connected", () => tab.evaluate(() => chat.connection.synced));
  line.refuse();
  line.cut();
  const wait = () => tab.evaluate(() => (chat.connection.retryAt ?? 0) - Date.now());
  await until("it waits", async () => (await wait()) > 30_000);
  line.accept();
  // As the browser does it, and the same for a page that is left: it makes the client look, whatever it says.
  const left = await tab.evaluate(() => {
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    return chat.connection.retryAt! - Date.now();
  });
  expect(left).toBeLessThanOrEqual(500);
  await until("it is back", () => tab.evaluate(() => chat.connection.synced), 20_000);

  // A line that seems to be up is tested, and stays.
  const changes = await tab.evaluate(async () => {
    let count = 0;
    chat.on("connection.changed", () => count++);
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    const [channel] = chat.getSnapshot().channels;
    await chat.channel(channel!.id).send("still here");
    return count;
  });
  expect(changes).toBe(0);
  await tab.close();
  await line.stop();
});
