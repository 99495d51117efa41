/** Whom a message names: chosen while it is written, marked for who is named, asked where it asks for an answer. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { until } from "../../test/daemon.mjs";
import { stage, useStage } from "./stage.ts";

let dock: string;
const NASTY = "Dr <img src=x onerror=alert(1)>";
const people: [sub: string, name: string][] = [["dispatcher", "Dispatcher"], ["driver-7", "Driver 7"], ["driver-12", "Driver 12"], ["nasty", NASTY], ["packer", "Packer"]];
useStage();
beforeEach(async () => {
  const { daemon } = stage;
  for (const [sub, name] of people) await daemon.call("/channels", { token: daemon.token(sub, { name }) });
  dock = (await daemon.group("Dock", people.map(([sub]) => sub))).id;
});

const open = (sub: string) => stage.open({ sub, name: people.find(([it]) => it === sub)![1], channel: dock });
const names = (page: Page) => page.locator(".names button").allTextContents();
const last = async () => (await stage.daemon.call(`/channels/${dock}/messages?limit=1`)).messages[0];

/** Once the names of the members are known here. */
async function known(page: Page): Promise<void> {
  await page.locator("textarea").fill("");
  await until("the names are known", async () => {
    await page.locator("textarea").fill("");
    await page.locator("textarea").pressSequentially("@");
    return (await names(page)).length === people.length - 1;
  });
  await page.locator("textarea").fill("");
}

test("who is named sees it, in words too, and nobody else", async () => {
  const body = { clientId: randomUUID(), content: "@Driver 7, gate 4", mentionIds: ["driver-7"] };
  await stage.daemon.call(`/channels/${dock}/messages`, { as: "dispatcher", body });
  const [dispatcher, driver] = await Promise.all([open("dispatcher"), open("driver-7")]);
  await driver.locator(".row.named", { hasText: "gate 4" }).waitFor();
  expect(await driver.locator(".row.named").getAttribute("aria-label")).toContain("Mentions you");
  expect(await driver.locator(".naming:visible").count()).toBe(1);
  await dispatcher.locator(".row", { hasText: "gate 4" }).waitFor();
  expect(await dispatcher.locator(".row.named").count()).toBe(0);
  expect(await violations(driver, "tenfour-chat")).toEqual([]);
});

test("an @ offers the members that fit; Tab takes the first, and what is sent names them", async () => {
  const [page, driver] = await Promise.all([open("dispatcher"), open("driver-12")]);
  await known(page);
  const field = page.locator("textarea");
  await field.pressSequentially("mail a@d");
  expect(await names(page)).toEqual([]);
  await field.fill("");
  await field.pressSequentially("Come, @dr");
  await until("who fits", async () => (await names(page)).length === 3);
  expect((await names(page)).sort()).toEqual([NASTY, "Driver 12", "Driver 7"].sort());
  expect(await page.locator(".names img").count()).toBe(0);
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await page.keyboard.press("Escape");
  expect(await page.locator(".names").isVisible()).toBe(false);
  await field.pressSequentially("iver 1");
  await until("one fits", async () => (await names(page)).join() === "Driver 12");
  await page.keyboard.press("Tab");
  expect(await field.inputValue()).toBe("Come, @Driver 12 ");
  expect(await page.locator(".names").isVisible()).toBe(false);
  await field.pressSequentially("and @pack");
  await page.locator(".names").getByRole("button", { name: "Packer" }).click();
  expect(await field.inputValue()).toBe("Come, @Driver 12 and @Packer ");
  // Whose name is not there any more is not named; nor is who was typed and not chosen.
  await field.fill("Come, @Driver 12 and @Driver 7");
  await field.press("Enter");
  await driver.locator(".row.named", { hasText: "Come, " }).waitFor();
  const { mentionIds, senderId } = await last();
  expect(mentionIds).toHaveLength(1);
  expect(mentionIds).not.toContain(senderId);
});

test("it asks those whom it names", async () => {
  const page = await open("dispatcher");
  await known(page);
  await page.locator("textarea").pressSequentially("@Driver 7");
  await until("one fits", async () => (await names(page)).join() === "Driver 7");
  // By keys alone, also backwards into the list.
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator("textarea").pressSequentially("sign order 18.");
  await page.getByRole("button", { name: "Ask for an answer" }).click();
  await page.getByText("All others, or those whom you mention").waitFor();
  await page.locator("textarea").press("Enter");
  await page.locator(".answers .pending", { hasText: "Driver 7" }).waitFor();
  await page.locator(".tick.sent").waitFor();
  const { content, instruction, mentionIds } = await last();
  expect(content).toBe("@Driver 7 sign order 18.");
  expect(instruction.assigneeIds).toEqual(mentionIds);
  expect(instruction.assigneeIds).toHaveLength(1);
});
