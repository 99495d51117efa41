import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser } from "../../test/browser.mjs";
import { flood, startDaemon, until } from "../../test/daemon.mjs";
import { servePage } from "../../test/page.mjs";
import { TenfourClient } from "../src/index.ts";
import { TenfourProvider, useChannels, useConnection, useMessages, useUnread } from "../src/react.ts";
import { connected, type Daemon } from "./help.ts";

let daemon: Daemon;
let page: Awaited<ReturnType<typeof servePage>>;
let browser: Awaited<ReturnType<typeof startBrowser>>;
beforeAll(async () => {
  page = await servePage(fileURLToPath(new URL("react-page.tsx", import.meta.url)));
  daemon = await startDaemon({ env: { TENFOUR_ALLOWED_ORIGINS: page.url } });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await page?.stop();
  await daemon?.stop();
});

test("a chat in StrictMode, in a browser: one connection, and everything shows", async () => {
  const dock = (await daemon.group("Dock", ["dispatcher", "driver"])).id;
  await flood(daemon, dock, "driver", 25);
  const tab = await browser.newPage();
  const faults: string[] = [];
  tab.on("pageerror", (error) => faults.push(error.message));
  tab.on("console", (said) => said.type() === "error" && faults.push(said.text()));
  const setting = { url: daemon.url, token: daemon.token("dispatcher"), dock };
  await tab.goto(`${page.url}/#${encodeURIComponent(JSON.stringify(setting))}`);
  const text = (id: string) => tab.locator(`#${id}`).textContent();
  const count = () => tab.locator("li").count();
  await until("connected", async () => (await text("state")) === "connected true true");
  await until("the newest page came by itself", async () => (await count()) === 10);
  expect(await tab.evaluate(() => (globalThis as never as { sockets(): number }).sockets())).toBe(1);
  expect([await text("channels"), await text("name"), await text("unread"), await text("online")]).toEqual(["Dock", "Dock", "25", "1"]);
  await tab.click("#older");
  await until("the page above", async () => (await count()) === 20);
  const driver = await connected(daemon, "driver");
  await until("the driver is online", async () => (await text("online")) === "2");
  driver.channel(dock).keystroke();
  await until("the driver types", async () => (await text("typing")) === "driver");
  await driver.channel(dock).send("to the page");
  await until("it came", async () => (await count()) === 21 && (await text("typing")) === "");
  await tab.click("#send");
  await until("it was sent", async () => (await tab.locator("li[data-status=sent]").count()) === 22);
  await tab.locator("input").pressSequentially("abc");
  await until("the driver sees it typed", () => driver.channel(dock).getSnapshot().typing.length === 1);
  await tab.click("#toggle");
  const state = () => tab.evaluate(() => (globalThis as never as { client: TenfourClient }).client.connection.state);
  await until("it hung up", async () => (await state()) === "disconnected");
  await tab.click("#toggle");
  await until("it is back", async () => (await text("state")) === "connected true true");
  expect(await tab.evaluate(() => (globalThis as never as { sockets(): number }).sockets())).toBe(2);
  expect(faults).toEqual([]);
  await tab.close();
});

test("on a server everything is empty, and nothing connects", () => {
  let asked = 0;
  const client = new TenfourClient({ url: "http://chat.example", getToken: () => String(asked++) });
  function Chat() {
    const { state } = useConnection();
    const { channels } = useChannels();
    const { messages } = useMessages("01a2");
    return createElement("p", null, `${state} ${channels.length} ${messages.length} ${useUnread().total}`);
  }
  const html = renderToString(createElement(TenfourProvider, { client }, createElement(Chat)));
  expect(html).toBe("<p>disconnected 0 0 0</p>");
  expect(asked).toBe(0);
});
