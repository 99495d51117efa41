/** The search of the channel list finds messages too: as it is typed, in pages, and leads to them. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { post, until } from "../../test/daemon.mjs";
import { queryOf } from "../src/found.ts";
import { flood, stage, useStage } from "./stage.ts";

let dock: string;
let who: string;
let n = 0;
useStage();
beforeEach(async () => {
  who = `dispatcher-${++n}`;
  dock = (await stage.daemon.group("Dock", [who, "driver"])).id;
});

const field = (page: Page) => page.getByRole("searchbox");
const hits = (page: Page) => page.locator(".hit");
const active = (page: Page) => page.evaluate(() => document.querySelector("tenfour-chat")!.shadowRoot!.activeElement?.className);

/** It is in the index once it is found. */
async function found(q: string, count: number, as = who): Promise<void> {
  const path = `/search?${new URLSearchParams({ q, limit: "100" })}`;
  await until(`${count} are found`, async () => (await stage.daemon.call(path, { as })).hits.length >= count);
}

test("what is typed begins a word, unless it is quoted or ends with something else", () => {
  expect(["gate", "gate 3", "a", "at gate ", '"at gate"', "gate*", "straße"].map(queryOf)).toEqual([
    "gate*",
    "gate 3",
    "a",
    "at gate*",
    '"at gate"',
    "gate*",
    "straße*",
  ]);
});

test("messages are found as one types, marked, and gone to in a channel that is not loaded", async () => {
  const yard = (await stage.daemon.group("Yard", [who, "driver"])).id;
  await post(stage.daemon, dock, "driver", ["The <b>forklift</b> is at gate 3"]);
  await flood(stage.daemon, dock, "driver", 700, (count) => `message ${count}`);
  await post(stage.daemon, yard, "driver", ["No forklift here"]);
  await found("forklift", 2);
  const page = await stage.open({ sub: who, channel: yard });
  await field(page).fill("f");
  expect(await page.locator(".found").isVisible()).toBe(false);
  await field(page).pressSequentially("orkl");
  await hits(page).nth(1).waitFor();
  expect(await hits(page).locator(".hit-said").allTextContents()).toEqual(["driver: No forklift here", "driver: The <b>forklift</b> is at gate 3"]);
  expect(await hits(page).locator("mark").allTextContents()).toEqual(["forklift", "forklift"]);
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await hits(page).nth(1).click();
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  await until("the message has the focus", async () => (await active(page))?.includes("row") === true);
  expect(await page.evaluate(() => document.querySelector("tenfour-chat")!.shadowRoot!.activeElement!.querySelector(".text")!.textContent)).toBe(
    "The <b>forklift</b> is at gate 3",
  );
  expect(await page.locator(".row:focus").isVisible()).toBe(true);
  // In the channel that is shown, and that holds it.
  await field(page).focus();
  await hits(page).nth(1).click();
  await until("again", async () => (await active(page))?.includes("row") === true);
  expect(await page.evaluate("violations")).toEqual([]);
});

test("by keys: down from the field, through the hits, to more of them, and back", async () => {
  const contents = Array.from({ length: 25 }, (_, i) => `pallet number${i}`);
  await post(stage.daemon, dock, "driver", contents);
  await found("pallet", 25);
  const page = await stage.open({ sub: who });
  await field(page).fill("pallet");
  await hits(page).nth(19).waitFor();
  await until("it is told", async () => (await page.locator(".found-status").textContent()) === "20 and more");
  await field(page).press("ArrowDown");
  expect(await active(page)).toBe("hit");
  await page.keyboard.press("ArrowUp");
  expect(await active(page)).toBe("search");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowDown");
  expect(await active(page)).toContain("found-more");
  await page.keyboard.press("Enter");
  await hits(page).nth(24).waitFor();
  expect(await active(page)).toBe("hit");
  expect(await page.locator(".hit:focus .hit-said").textContent()).toBe("driver: pallet number4");
  expect(await page.locator(".found-more").isVisible()).toBe(false);
  await page.keyboard.press("Enter");
  await until("it is gone to", async () => (await active(page))?.includes("row") === true);
  await field(page).focus();
  await page.keyboard.press("Escape");
  expect(await page.locator(".found").isVisible()).toBe(false);
});

test("only those with files, by a button that keys reach", async () => {
  const authorization = `Bearer ${stage.daemon.token("driver")}`;
  const upload = await fetch(`${stage.daemon.url}/api/v1/attachments?name=load.txt`, { method: "POST", headers: { authorization }, body: "twelve" });
  const { id } = (await upload.json()) as { id: string };
  await post(stage.daemon, dock, "driver", ["a pallet without"]);
  await stage.daemon.call(`/channels/${dock}/messages`, { as: "driver", body: { clientId: randomUUID(), content: "a pallet with its list", attachmentIds: [id] } });
  await post(stage.daemon, dock, "driver", ["another pallet"]);
  await found("pallet", 3);
  const page = await stage.open({ sub: who });
  await field(page).fill("pallet");
  await hits(page).nth(2).waitFor();
  const filter = page.getByRole("button", { name: "With files" });
  expect(await filter.getAttribute("aria-pressed")).toBe("false");
  // No conversation is called so.
  await field(page).press("Tab");
  expect(await active(page)).toContain("found-files");
  await page.keyboard.press("Space");
  await until("one is left", async () => (await hits(page).count()) === 1);
  expect(await hits(page).locator(".hit-said").textContent()).toBe("driver: a pallet with its list");
  expect(await filter.getAttribute("aria-pressed")).toBe("true");
  expect(await active(page)).toContain("found-files");
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  // It stays so for other words, and another press shows all again.
  await field(page).fill("another");
  await page.getByText("None with these words").waitFor();
  await filter.click();
  await hits(page).filter({ hasText: "another pallet" }).waitFor();
  expect(await filter.getAttribute("aria-pressed")).toBe("false");
});

test("what is changed, deleted or taken away is not read among the hits, and what fails is told", async () => {
  const yard = (await stage.daemon.group("Yard", [who, "driver"])).id;
  await post(stage.daemon, yard, "driver", ["a secret of the yard"]);
  const [sent, changed] = await post(stage.daemon, dock, "driver", ["a secret word", "a secret password"]);
  await found("secret", 3);
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".row").first().waitFor();
  await field(page).fill("secret");
  await hits(page).nth(2).waitFor();
  await stage.daemon.call(`/channels/${yard}/members/${who}`, { method: "DELETE" });
  await until("one is gone", async () => (await hits(page).count()) === 2);
  await stage.daemon.call(`/messages/${changed.id}`, { method: "PATCH", as: "driver", body: { content: "never mind" } });
  await until("two are gone", async () => (await hits(page).count()) === 1);
  await stage.daemon.call(`/messages/${sent.id}`, { method: "DELETE", as: "driver" });
  await hits(page).waitFor({ state: "detached" });
  await page.getByText("None with these words").waitFor();
  await page.route("**/search?*", (route) => route.abort());
  await field(page).fill("secrets");
  await page.getByText("Messages cannot be searched: there is no connection.").waitFor();
  await page.unroute("**/search?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("None with these words").waitFor();
});

test("a daemon that does not search shows nothing of it", async () => {
  const page = await stage.open({ sub: who });
  await page.route("**/search?*", (route) => route.fulfill({ status: 404, headers: { "access-control-allow-origin": "*" }, body: "{}" }));
  const asked = page.waitForResponse("**/search?*");
  await field(page).fill("secret");
  await asked;
  await page.locator(".found").waitFor({ state: "hidden" });
  await page.getByText("Nothing of that name").waitFor();
});

test.each(["light", "dark"])("narrow, right to left, %s", async (theme) => {
  await post(stage.daemon, dock, "driver", ["The forklift is at gate 3", "A forklift, a pallet and a very long line of words that goes on"]);
  await found("forklift", 2);
  const page = await stage.open({ sub: who, theme, dir: "rtl" }, { viewport: { width: 420, height: 640 } });
  await field(page).fill("forklift");
  await hits(page).nth(1).waitFor();
  await page.getByRole("button", { name: "With files" }).click();
  await page.getByText("None with these words").waitFor();
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await page.getByRole("button", { name: "With files" }).click();
  await hits(page).nth(1).waitFor();
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  if (process.env["TENFOUR_SHOTS"]) await page.screenshot({ path: `${process.env["TENFOUR_SHOTS"]}/search-${theme}.png` });
});

test("a message that is gone to marks nothing as read that was not on the screen", async () => {
  await post(stage.daemon, dock, "driver", ["The forklift is at gate 3"]);
  await stage.daemon.call(`/channels/${dock}/read`, { as: who, body: { seq: 1 } });
  await flood(stage.daemon, dock, "driver", 300, (count) => `message ${count}`);
  await found("forklift", 1);
  const page = await stage.open({ sub: who });
  await page.locator(".badge").filter({ hasText: "99+" }).waitFor();
  await field(page).fill("forklift");
  await hits(page).click();
  await until("it is gone to", async () => (await active(page))?.includes("row") === true);
  const marks = await page.evaluate(([id]) => (window as never as { chat: HTMLElement & { client: { channel(id: string): { getSnapshot(): { lastReadSeq: number } } } } }).chat.client.channel(id!).getSnapshot().lastReadSeq, [dock]);
  // What stands below it on the screen is seen, and no more.
  expect(marks).toBeLessThan(40);
});
