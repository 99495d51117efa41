/** What a message said before it was edited or deleted: who may look, how it is opened and left, and what is said where it fails. */
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { post, until } from "../../test/daemon.mjs";
import { stage, useStage } from "./stage.ts";

let dock: string;
let boss: string;
let n = 0;
useStage();
beforeEach(async () => {
  boss = `boss-${++n}`;
  dock = (await stage.daemon.group("Dock", [boss, "driver"])).id;
  await stage.daemon.call(`/channels/${dock}/members/${boss}`, { method: "PATCH", body: { role: "admin" } });
});

const NASTY = "<img src=x onerror=alert(1)>\nsecond line";

async function edited(): Promise<{ id: string }> {
  const [first] = await post(stage.daemon, dock, "driver", [NASTY]);
  for (const content of ["Gate 3", "Gate 4"]) {
    await stage.daemon.call(`/messages/${first.id}`, { method: "PATCH", as: "driver", body: { content } });
  }
  return first;
}
const look = (page: Page) => page.locator(".look");
const dialog = (page: Page) => page.locator("dialog.history");
const said = (page: Page) => dialog(page).locator(".history-text").allTextContents();
const active = (page: Page) => page.evaluate(() => document.querySelector("tenfour-chat")!.shadowRoot!.activeElement?.className);

test("an admin sees what a message said, oldest first, and gets the focus back", async () => {
  await edited();
  const page = await stage.open({ sub: boss, channel: dock });
  await look(page).click();
  await until("all of it", async () => (await said(page)).length === 3);
  expect(await said(page)).toEqual([NASTY, "Gate 3", "Gate 4"]);
  const times = await dialog(page).locator("time").evaluateAll((all) => all.map((time) => time.getAttribute("datetime")!));
  expect(times).toEqual([...times].sort());
  expect(await dialog(page).locator("img").count()).toBe(0);
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  expect(await active(page)).toBe("look");
  expect(await page.evaluate("violations")).toEqual([]);
});

test("it is reached, opened and left by keys alone", async () => {
  await edited();
  const page = await stage.open({ sub: boss, channel: dock });
  await look(page).waitFor();
  await page.locator("textarea").focus();
  await page.keyboard.press("PageUp");
  expect(await active(page)).toContain("row");
  await page.keyboard.press("Tab");
  expect(await active(page)).toBe("look");
  await page.keyboard.press("Enter");
  await until("all of it", async () => (await said(page)).length === 3);
  // Within the dialog: what is said, and the button.
  await page.keyboard.press("Shift+Tab");
  expect(await active(page)).toBe("history-body");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor({ state: "detached" });
  expect(await active(page)).toBe("look");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("h");
  await until("all of it", async () => (await said(page)).length === 3);
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  expect(await active(page)).toContain("row");
});

test("a member may look once the channel shows it, and not before", async () => {
  await edited();
  const page = await stage.open({ sub: "driver", channel: dock });
  await page.locator(".edited").waitFor();
  expect(await look(page).count()).toBe(0);
  await stage.daemon.call(`/channels/${dock}`, { method: "PATCH", body: { revisionsVisibleTo: "members" } });
  await look(page).click();
  await until("all of it", async () => (await said(page)).length === 3);
  // What is refused meanwhile is told.
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  await page.route("**/revisions", (route) =>
    route.fulfill({ status: 403, headers: { "access-control-allow-origin": "*" }, contentType: "application/problem+json", body: '{"code":"forbidden"}' }),
  );
  await look(page).click();
  await dialog(page).getByRole("alert").filter({ hasText: "the server refused" }).waitFor();
  await page.unroute("**/revisions");
  await dialog(page).getByRole("button", { name: "Try again" }).click();
  await until("all of it", async () => (await said(page)).length === 3);
});

test("of a deleted message an admin sees what it said, and who deleted it", async () => {
  const { id } = await edited();
  await stage.daemon.call(`/messages/${id}`, { method: "DELETE", as: "driver" });
  const page = await stage.open({ sub: boss, channel: dock });
  await page.locator(".row.deleted").getByRole("button", { name: "Show what it said" }).click();
  await until("all of it", async () => (await said(page)).length === 3);
  expect(await dialog(page).locator(".history-deleted").textContent()).toMatch(/^Deleted by driver, /);
  expect(await violations(page)).toEqual([]);
  const member = await stage.open({ sub: "driver", channel: dock });
  await member.locator(".row.deleted").waitFor();
  expect(await look(member).count()).toBe(0);
});
