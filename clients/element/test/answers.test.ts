/** Messages that ask for an answer: what is shown of them, who answers how, what is overdue. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { post, until } from "../../test/daemon.mjs";
import { backOnline, lineTo, say, stage, useStage } from "./stage.ts";

let dock: string;
useStage();
beforeEach(async () => {
  dock = (await stage.daemon.group("Dock", ["dispatcher", "driver", "packer"])).id;
});

const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const ask = (instruction: object, content = "Sign order 18.") =>
  stage.daemon.call(`/channels/${dock}/messages`, { as: "dispatcher", body: { clientId: randomUUID(), content, instruction } });
const both = () => Promise.all(["dispatcher", "driver"].map((sub) => stage.open({ sub, channel: dock })));
const lines = (page: Page) => page.locator(".asked .answers li").allTextContents();
const active = (page: Page) => page.evaluate(() => document.querySelector("tenfour-chat")!.shadowRoot!.activeElement?.className);

test("who is asked answers with a note, and who asked sees it", async () => {
  await ask({ deadline: soon(3_600_000) });
  const [dispatcher, driver] = await both();
  await dispatcher!.locator(".asked-head", { hasText: "Answer wanted until " }).waitFor();
  expect(await dispatcher!.locator(".answer").count()).toBe(0);
  await until("the names are known", async () => (await lines(dispatcher!))[0] === "No answer: driver, packer");
  const buttons = driver!.locator(".answer");
  expect(await buttons.allTextContents()).toEqual(["Accept", "Decline", "Done"]);
  await driver!.locator(".asked .note").fill("<b>After</b> the break");
  await driver!.getByRole("button", { name: "Accept" }).click();
  for (const page of [dispatcher!, driver!]) await page.locator(".accepted q", { hasText: "<b>After</b> the break" }).waitFor();
  expect(await lines(dispatcher!)).toEqual(["No answer: packer", "Accepted: driver<b>After</b> the break"]);
  // Each may follow the other, but for what is done.
  await until("the others are left", async () => (await buttons.allTextContents()).join() === "Decline,Done");
  expect(await driver!.locator(".asked .note").inputValue()).toBe("");
  await driver!.getByRole("button", { name: "Decline" }).click();
  await dispatcher!.locator(".declined", { hasText: "driver" }).waitFor();
  await until("the others are left", async () => (await buttons.allTextContents()).join() === "Accept,Done");
  await driver!.getByRole("button", { name: "Done" }).click();
  await dispatcher!.locator(".answers .done", { hasText: "driver" }).waitFor();
  await until("nothing is left to say", async () => (await buttons.count()) === 0);
  expect(await lines(driver!)).toEqual(["No answer: packer", "Done: You"]);
  for (const page of [dispatcher!, driver!]) expect(await violations(page, "tenfour-chat")).toEqual([]);
});

test("by keys alone: from the message to its buttons, the note, and back", async () => {
  await ask({});
  const driver = await stage.open({ sub: "driver", channel: dock });
  await driver.locator(".answer").first().waitFor();
  await driver.locator("textarea").focus();
  await driver.keyboard.press("PageUp");
  expect(await active(driver)).toContain("row");
  for (const wanted of ["answer", "answer", "answer", "note"]) {
    await driver.keyboard.press("Tab");
    expect(await active(driver)).toBe(wanted);
  }
  await driver.keyboard.type("on my way");
  // These are the field's own here.
  for (const key of ["Home", "ArrowUp", "End", "r"]) await driver.keyboard.press(key);
  expect(await active(driver)).toBe("note");
  await driver.keyboard.press("Shift+Tab");
  await driver.keyboard.press("Enter");
  await driver.locator(".answers .done q", { hasText: "on my wayr" }).waitFor();
  await until("the focus is on the message", async () => String(await active(driver)).includes("row"));
});

test("what is overdue is marked, with who has not answered, also in words", async () => {
  const [dispatcher, driver] = await both();
  // So that it is answered before, on a slow machine as well.
  await ask({ deadline: soon(5_000) });
  await driver!.getByRole("button", { name: "Accept" }).click();
  await dispatcher!.locator(".accepted").waitFor();
  expect(await dispatcher!.locator(".overdue").count()).toBe(0);
  await dispatcher!.locator(".asked.overdue .asked-head", { hasText: "Overdue since " }).waitFor();
  await until("by name", async () => (await lines(dispatcher!))[0] === "No answer: packer");
  expect(await dispatcher!.locator(".row").getAttribute("aria-label")).toContain("Overdue since ");
  const red = await dispatcher!.locator(".pending").evaluate((it) => getComputedStyle(it).color);
  expect(red).not.toBe(await dispatcher!.locator(".accepted").evaluate((it) => getComputedStyle(it).color));
  expect(await violations(dispatcher!, "tenfour-chat")).toEqual([]);
  // Once everybody has declined or done it, it is not open any more.
  await driver!.getByRole("button", { name: "Done" }).click();
  await stage.daemon.call(`/channels/${dock}/members/packer`, { method: "DELETE" });
  await dispatcher!.locator(".asked:not(.overdue)").waitFor();
  expect(await lines(dispatcher!)).toEqual(["Done: driver"]);
});

test("an answer that does not go through is told, and its note is kept", async () => {
  await ask({});
  const driver = await stage.open({ sub: "driver", channel: dock });
  await driver.locator(".asked .note").fill("later");
  await driver.route("**/answer", (route) =>
    route.request().method() === "OPTIONS"
      ? route.continue()
      : route.fulfill({ status: 409, headers: { "access-control-allow-origin": "*" }, contentType: "application/problem+json", body: '{"code":"conflict"}' }),
  );
  await driver.getByRole("button", { name: "Accept" }).click();
  await driver.getByRole("alert").filter({ hasText: "Not answered: the server refused." }).waitFor();
  expect(await driver.locator(".asked .note").inputValue()).toBe("later");
  await driver.unroute("**/answer");
  await driver.getByRole("button", { name: "Accept" }).click();
  await driver.locator(".accepted q", { hasText: "later" }).waitFor();
});

test("one that is deleted asks for nothing any more, and the focus stays with it", async () => {
  const { id } = await ask({});
  const driver = await stage.open({ sub: "driver", channel: dock });
  await driver.locator(".asked .note").fill("on my way");
  await stage.daemon.call(`/messages/${id}`, { method: "DELETE", as: "dispatcher" });
  await driver.locator(".row.deleted").waitFor();
  expect(await driver.locator(".asked").count()).toBe(0);
  expect(await active(driver)).toContain("row");
});

test("in a direct conversation the other one is asked, and a second window of the same user knows the answer", async () => {
  const direct = (await stage.daemon.call("/channels", { as: "dispatcher", body: { type: "direct", userId: "driver" } })).id;
  const page = await stage.open({ sub: "dispatcher", channel: direct });
  await page.locator("textarea").fill("Are you there?");
  await page.getByRole("button", { name: "Ask for an answer" }).click();
  await page.getByRole("combobox", { name: "Ask for an answer" }).selectOption("No deadline");
  await page.locator("textarea").press("Enter");
  await page.locator(".tick.sent").waitFor();
  expect(await lines(page)).toEqual(["No answer: driver"]);
  const [first, second] = await Promise.all([1, 2].map(() => stage.open({ sub: "driver", channel: direct })));
  await first!.getByRole("button", { name: "Done" }).click();
  for (const it of [page, first!, second!]) await it.locator(".answers .done").waitFor();
  expect(await lines(page)).toEqual(["Done: driver"]);
  expect(await lines(second!)).toEqual(["Done: You"]);
  expect(await second!.locator(".answer").count()).toBe(0);
});

test("a message that is written asks for an answer, over a reload and without a line", async () => {
  const line = await lineTo();
  const context = await stage.browser.newContext();
  const page = await stage.openIn(context, { sub: "dispatcher", channel: dock, url: line.url });
  const driver = await stage.open({ sub: "driver", channel: dock });
  await driver.locator(".head-name", { hasText: "Dock" }).waitFor();
  const button = page.getByRole("button", { name: "Ask for an answer" });
  const until_ = page.getByRole("combobox", { name: "Ask for an answer" });
  expect(await until_.isVisible()).toBe(false);
  await page.locator("textarea").fill("Sign order 18.");
  await button.click();
  expect(await button.getAttribute("aria-pressed")).toBe("true");
  expect(await until_.inputValue()).toBe("30");
  await until_.selectOption("Within 4 hours");
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await page.reload();
  await until_.waitFor();
  expect(await until_.inputValue()).toBe("240");
  await page.locator(".head-about", { hasText: "members" }).waitFor();
  line.refuse();
  line.cut();
  await page.locator(".banner").waitFor();
  await page.locator("textarea").press("Enter");
  await page.locator(".asked-head", { hasText: "Answer wanted until " }).waitFor();
  expect(await until_.isVisible()).toBe(false);
  await until("it is kept", () => page.evaluate("kept().then((count) => count === 1)"));
  await page.reload();
  line.accept();
  await backOnline(page);
  await driver.locator(".answer").first().waitFor();
  const { messages } = await stage.daemon.call(`/instructions?channelId=${dock}`);
  expect(messages[0].instruction.assigneeIds).toHaveLength(2);
  const ahead = Date.parse(messages[0].instruction.deadline) - Date.parse(messages[0].createdAt);
  expect(Math.abs(ahead - 240 * 60_000)).toBeLessThan(60_000);
  // The next one asks for nothing again, and so does one that is edited.
  await button.click();
  await page.locator("textarea").press("ArrowUp");
  expect(await button.isVisible()).toBe(false);
  await page.locator("textarea").press("Escape");
  expect(await until_.isVisible()).toBe(true);
  await button.click();
  await say(page, "Nothing more.");
  await driver.locator(".row", { hasText: "Nothing more." }).waitFor();
  expect(await driver.locator(".asked").count()).toBe(1);
});

test("what is open is listed, and leads to its message; where it is off there is neither", async () => {
  await ask({ deadline: soon(1_200) }, "The oldest of all");
  const { id } = await ask({}, "Done already");
  for (const as of ["driver", "packer"]) await stage.daemon.call(`/messages/${id}/answer`, { method: "PUT", as, body: { answer: "done" } });
  await post(stage.daemon, dock, "driver", Array.from({ length: 60 }, (_, n) => `filler ${n}`));
  await ask({ assigneeIds: ["driver"] }, "The newest <b>of all</b>");
  const page = await stage.open({ sub: "dispatcher", channel: dock });
  await page.locator(".asked").first().waitFor();
  const button = page.getByRole("button", { name: "Open instructions" });
  const items = page.locator("dialog li:has(button)");
  await until("the oldest is overdue", async () => {
    await button.click();
    await items.nth(1).waitFor();
    const overdue = await items.nth(1).locator(".asked-head", { hasText: "Overdue since" }).count();
    if (!overdue) await page.keyboard.press("Escape");
    return overdue === 1;
  });
  expect(await items.locator("button").allTextContents()).toEqual(["The newest <b>of all</b>", "The oldest of all"]);
  expect(await items.last().locator(".pending").textContent()).toBe("No answer: driver, packer");
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await items.last().getByRole("button").press("Enter");
  await page.locator(".row.flash", { hasText: "The oldest of all" }).waitFor();
  await page.locator("dialog").waitFor({ state: "detached" });
  expect(await active(page)).toContain("row");

  const without = await stage.open({ sub: "driver", channel: dock, instructions: "off" });
  await without.locator(".answer").first().waitFor();
  for (const name of ["Open instructions", "Ask for an answer"]) expect(await without.getByRole("button", { name }).count()).toBe(0);
});
