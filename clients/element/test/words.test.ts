/** No word says more than is known: of the connection, of who is signed in, of an empty list, of a change that did not go through. */
import { readFile } from "node:fs/promises";
import type { Page, Route } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { UnauthorizedError } from "@tenfour/client";
import { post, until } from "../../test/daemon.mjs";
import { backOnline, lineTo, say, stage, useStage } from "./stage.ts";

let dock: string;
let who: string;
let n = 0;
useStage();
beforeEach(async () => {
  who = `dispatcher-${++n}`;
  dock = (await stage.daemon.group("Dock", [who, "driver"])).id;
});

const banner = (page: Page) => page.locator(".banner");
const nothing = (page: Page) => page.locator(".messages .nothing");
const problem = (route: Route, status: number, code: string) =>
  route.fulfill({ status, contentType: "application/problem+json", headers: { "access-control-allow-origin": "*" }, body: JSON.stringify({ code }) });

test("where the token fails, nothing is said of the line", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  let fails = true;
  await page.route("**/token?*", (route) => (fails ? route.abort() : route.continue()));
  await page.reload();
  await banner(page).filter({ hasText: "Could not check who is signed in. Next attempt in" }).waitFor();
  await until("it is read out", async () => (await page.locator("[role=status]").textContent()) === "Could not check who is signed in.");
  expect(await banner(page).textContent()).not.toContain("No connection");
  fails = false;
  await backOnline(page);
});

test("a token that the server does not take is not called signed out", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  const [head, body] = stage.daemon.token(who).split(".");
  await page.route("**/token?*", (route) => route.fulfill({ body: `${head}.${body}.${"A".repeat(43)}` }));
  await page.reload();
  await banner(page).filter({ hasText: "The server does not accept the sign-in." }).waitFor();
  expect(await banner(page).textContent()).not.toContain("signed out");
});

test("what the page itself has hung up is not called trouble", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  await page.evaluate(() => (window as unknown as { chat: { client: { disconnect(): void } } }).chat.client.disconnect());
  await banner(page).filter({ hasText: "Disconnected." }).waitFor();
});

test("a list is said to be empty once that is known, and not before", async () => {
  const line = await lineTo();
  const page = await stage.open({ sub: who, channel: dock, url: line.url });
  await nothing(page).filter({ hasText: "No messages yet." }).waitFor();
  line.refuse();
  line.cut();
  await banner(page).filter({ hasText: "No connection." }).waitFor();
  expect(await nothing(page).isVisible()).toBe(false);
  // What was kept on the device knows no better.
  await page.reload();
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  await banner(page).filter({ hasText: "No connection." }).waitFor();
  expect(await nothing(page).isVisible()).toBe(false);
  await post(stage.daemon, dock, "driver", ["missed"]);
  line.accept();
  await backOnline(page);
  await page.locator(".row .text", { hasText: "missed" }).waitFor();
  expect(await nothing(page).isVisible()).toBe(false);
});

test("messages that do not come are neither none nor older ones", async () => {
  await post(stage.daemon, dock, "driver", ["one"]);
  let asked: () => void;
  const waits = new Promise<void>((done) => (asked = done));
  let go = () => {};
  const held = new Promise<void>((done) => (go = done));
  const context = await stage.browser.newContext();
  await context.route("**/messages?before=*", async (route) => {
    // The preview in the list finds nothing, and is not what is tested.
    const json = { messages: [], hasMore: true };
    if (route.request().url().includes("limit=15")) return route.fulfill({ headers: { "access-control-allow-origin": "*" }, json });
    asked();
    await held;
    await problem(route, 503, "unavailable");
  });
  const page = await stage.openIn(context, { sub: who });
  await page.getByRole("option", { name: "Dock" }).click();
  await waits;
  await page.locator(".loading").waitFor();
  expect(await nothing(page).isVisible()).toBe(false);
  go();
  await page.getByText("Messages could not be loaded.", { exact: true }).waitFor();
  expect(await nothing(page).isVisible()).toBe(false);
  expect(await page.locator(".loading").isVisible()).toBe(false);
});

test("while there is no line nothing is said to be loading", async () => {
  await post(stage.daemon, dock, "driver", ["one"]);
  const line = await lineTo();
  line.refuse();
  const page = await stage.open({ sub: who, channel: dock, url: line.url });
  await banner(page).filter({ hasText: "No connection." }).waitFor();
  expect(await page.locator(".loading").isVisible()).toBe(false);
  expect(await nothing(page).isVisible()).toBe(false);
  line.accept();
  await page.locator(".row .text", { hasText: "one" }).waitFor();
});

test("who never was a member is not told to be none any more", async () => {
  const yard = (await stage.daemon.group("Yard", ["driver"])).id;
  const page = await stage.open({ sub: who, channel: yard });
  await until("it is said", async () => (await page.locator(".trouble").textContent()) === "You are not a member of this conversation.");
  expect(await page.locator("textarea").getAttribute("aria-label")).toBe("Message");
});

test("a change that failed: refused, or it is not known", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await say(page, "one");
  await page.locator(".tick.sent").waitFor();
  let answer: (route: Route) => Promise<void> = (route) => problem(route, 403, "forbidden");
  await page.route("**/api/v1/messages/*", (route) =>
    route.request().method() === "OPTIONS" ? route.continue() : answer(route),
  );
  await page.locator("textarea").press("ArrowUp");
  await say(page, "two");
  await page.getByText("The change is not saved: the server refused.").waitFor();
  // It is done, and the answer is lost.
  answer = async (route) => {
    await route.fetch();
    await route.abort();
  };
  await page.locator("textarea").press("Enter");
  await page.getByText("No answer: the change may be saved or not.").waitFor();
  expect(await page.locator("textarea").inputValue()).toBe("two");
  await page.locator("textarea").press("Escape");
  await page.locator(".row", { hasText: "two" }).hover();
  answer = (route) => route.abort();
  await page.locator(".row", { hasText: "two" }).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No answer: the message may be deleted or not.").waitFor();
});

test.each(["element/README.md", "../docs/quickstart.md"])("the page in %s takes no error for a token", async (path) => {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), "utf8");
  const source = /querySelector\("tenfour-chat"\)\.getToken = (async [\s\S]*?\n +\});/.exec(text)![1]!;
  const ask = (status: number) => {
    const fetch = async () => new Response("a body", { status });
    return (new Function("fetch", "UnauthorizedError", `return ${source}`)(fetch, UnauthorizedError) as (_: object) => Promise<string>)({});
  };
  expect(await ask(200)).toBe("a body");
  await expect(ask(401)).rejects.toThrow(UnauthorizedError);
  await expect(ask(500)).rejects.toThrow("no token: 500");
});
