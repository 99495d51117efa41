/** Reactions: seen by all, one's own by a press, chosen from a handful. */
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { post, until } from "../../test/daemon.mjs";
import { stage, useStage } from "./stage.ts";

let dock: string;
let id: string;
useStage();
beforeEach(async () => {
  dock = (await stage.daemon.group("Dock", ["dispatcher", "driver"])).id;
  [{ id }] = await post(stage.daemon, dock, "dispatcher", ["Gate 3 is free."]);
});

const both = () => Promise.all(["dispatcher", "driver"].map((sub) => stage.open({ sub, channel: dock })));
const chips = (page: Page) => page.locator("[part=reaction]");
const palette = (page: Page) => page.locator(".palette");
const react = (as: string, reaction: string) =>
  stage.daemon.call(`/messages/${id}/reactions/${encodeURIComponent(reaction)}`, { method: "PUT", as });
const active = (page: Page) => page.evaluate(() => document.querySelector("tenfour-chat")!.shadowRoot!.activeElement?.className);

test("two windows see each other's reactions, and each takes back their own", async () => {
  const [dispatcher, driver] = await both();
  await driver!.locator(".bubble").hover();
  await driver!.getByRole("button", { name: "React", exact: true }).click();
  await driver!.getByRole("button", { name: "👍" }).click();
  await chips(dispatcher!).waitFor();
  expect(await chips(dispatcher!).textContent()).toBe("👍1");
  expect(await palette(driver!).isVisible()).toBe(false);
  expect(await chips(dispatcher!).getAttribute("aria-pressed")).toBe("false");
  await until("it is mine there", async () => (await chips(driver!).getAttribute("aria-pressed")) === "true");
  await until("whose it is", async () => (await chips(dispatcher!).getAttribute("title")) === "driver");
  await chips(dispatcher!).click();
  for (const page of [dispatcher!, driver!]) await until("both", async () => (await chips(page).textContent()) === "👍2");
  expect(await chips(driver!).getAttribute("title")).toBe("You, dispatcher");
  expect(await violations(driver!, "tenfour-chat")).toEqual([]);
  await chips(driver!).click();
  for (const page of [dispatcher!, driver!]) await until("one is left", async () => (await chips(page).textContent()) === "👍1");
  await chips(dispatcher!).click();
  for (const page of [dispatcher!, driver!]) await until("none is left", async () => (await chips(page).count()) === 0);
});

test("by keys alone: + chooses, Escape gives it up, Tab leads to what is there, and the focus is never lost", async () => {
  const page = await stage.open({ sub: "driver", channel: dock });
  await page.locator(".row").waitFor();
  await page.locator("textarea").focus();
  await page.keyboard.press("PageUp");
  await page.keyboard.press("+");
  expect(await active(page)).toBe("reaction");
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await page.keyboard.press("Escape");
  expect(await active(page)).toContain("row");
  expect(await palette(page).isVisible()).toBe(false);
  await page.keyboard.press("+");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(await active(page)).toContain("row");
  await chips(page).waitFor();
  await page.keyboard.press("Tab");
  expect(await active(page)).toBe("reaction");
  await page.keyboard.press("Enter");
  await until("it is gone", async () => (await chips(page).count()) === 0);
  expect(await active(page)).toContain("row");
});

test("words, signs and whatever looks like markup stay text; what goes wrong is told", async () => {
  for (const reaction of ["<img/src=x>", "W".repeat(64), "ab", "OK"]) await react("driver", reaction);
  const page = await stage.open({ sub: "dispatcher", channel: dock }, { viewport: { width: 360, height: 640 } });
  await until("all are there", async () => (await chips(page).count()) === 4);
  expect(await page.locator(".reactions img").count()).toBe(0);
  expect(await chips(page).first().textContent()).toBe("<img/src=x>1");
  const [bubble, wide] = await Promise.all([page.locator(".bubble"), chips(page).nth(1)].map((it) => it.boundingBox()));
  expect(wide!.width).toBeLessThanOrEqual(bubble!.width);
  await page.route("**/reactions/*", (route) => (route.request().method() === "OPTIONS" ? route.continue() : route.abort()));
  await chips(page).last().click();
  await page.getByRole("alert").filter({ hasText: "No answer: the reaction may be changed or not." }).waitFor();
  expect(await page.evaluate("violations")).toEqual([]);
});

test("where they are off none can be left; those that are there are shown", async () => {
  await react("driver", "👍");
  const page = await stage.open({ sub: "dispatcher", channel: dock, reactions: "off" });
  await chips(page).waitFor();
  expect(await chips(page).isDisabled()).toBe(true);
  await page.locator(".bubble").hover();
  await page.getByRole("button", { name: "Reply" }).waitFor();
  expect(await page.getByRole("button", { name: "React", exact: true }).count()).toBe(0);
  await page.locator(".row").focus();
  await page.keyboard.press("+");
  expect(await palette(page).count()).toBe(1);
  expect(await palette(page).isVisible()).toBe(false);
});
