/** Two people talk in two windows: over a good line, a cut one, from two tabs, and over a reload. */
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { backOnline, lineTo, say, shown, stage, useStage } from "./stage.ts";

let dock: string;
useStage();
beforeEach(async () => {
  dock = (await stage.daemon.group("Dock", ["dispatcher", "driver"])).id;
});

const stored = async (channel = dock): Promise<string[]> =>
  (await stage.daemon.call(`/channels/${channel}/messages?after=0&limit=200`, { as: "driver" })).messages.map(
    ({ content }: { content: string }) => content,
  );
const banner = (page: Page) => page.locator(".banner");
const states = (page: Page) => page.locator(".row.own .tick:not([hidden])").evaluateAll((all) => all.map((tick) => tick.className));
const events = (page: Page) => page.evaluate(() => (window as unknown as { events: [string, unknown][] }).events);

test("two windows talk, and see each other typing, reading and leaving", async () => {
  const direct = (await stage.daemon.call("/channels", { as: "dispatcher", body: { type: "direct", userId: "driver" } })).id;
  const dispatcher = await stage.open({ sub: "dispatcher", name: "Dispatcher", channel: direct });
  await say(dispatcher, "Gate 3 is free.");
  await until("it is stored", async () => (await states(dispatcher)).join() === "tick sent");
  const driver = await stage.open({ sub: "driver", name: "Driver 7" });
  await dispatcher.locator(".head", { hasText: "Online" }).waitFor();
  await until("it is unread", async () => (await driver.locator(".item .badge:visible").textContent()) === "1");
  expect(await events(driver)).toContainEqual(["tenfour-unread", { total: 1 }]);
  await driver.getByRole("option", { name: "Dispatcher" }).click();
  await until("it came", async () => (await shown(driver)).length === 1);
  expect(await events(driver)).toContainEqual(["tenfour-channel", { channelId: direct }]);
  await until("it is read", async () => (await states(dispatcher)).join() === "tick read");
  expect(await driver.locator(".item .badge:visible").count()).toBe(0);

  await driver.locator("textarea").pressSequentially("On");
  await dispatcher.locator(".typing", { hasText: "Driver 7 is typing" }).waitFor();
  await until("it is said", async () => (await dispatcher.locator("[role=status]").textContent()) === "Driver 7 is typing");
  await driver.locator("textarea").pressSequentially(" my way.");
  await driver.locator("textarea").press("Enter");
  await until("it came", async () => (await shown(dispatcher)).length === 2);
  await until("nobody types", async () => (await dispatcher.locator(".typing").textContent()) === "");
  expect(await shown(dispatcher)).toEqual(["Gate 3 is free.", "On my way."]);
  expect(await shown(driver)).toEqual(await shown(dispatcher));
  // Only what came while it was open is read out.
  expect(await dispatcher.locator("[role=log] > *").allTextContents()).toEqual(["Driver 7: On my way."]);
  expect(await driver.locator("[role=log] > *").allTextContents()).toEqual([]);

  await driver.evaluate(() => document.querySelector("tenfour-chat")!.remove());
  await dispatcher.locator(".head", { hasText: "Last seen just now" }).waitFor();
});

test("the line is cut, messages are typed, the line comes back: both agree, in order, once", async () => {
  const line = await lineTo();
  const dispatcher = await stage.open({ sub: "dispatcher", channel: dock, url: line.url });
  const driver = await stage.open({ sub: "driver", channel: dock });
  await say(dispatcher, "before");
  await until("it came", async () => (await shown(driver)).length === 1);
  line.refuse();
  line.cut();
  await banner(dispatcher).filter({ hasText: "No connection." }).waitFor();
  for (const text of ["one", "two", "three"]) await say(dispatcher, text);
  for (const text of ["uno", "dos"]) await say(driver, text);
  // What needs the server now says that it does not work, and keeps what was typed.
  await dispatcher.locator(".row", { hasText: "before" }).hover();
  await dispatcher.locator(".row", { hasText: "before" }).getByRole("button", { name: "Edit" }).click();
  await say(dispatcher, "changed");
  await dispatcher.getByText("The change is not saved: there is no connection.").waitFor();
  expect(await dispatcher.locator("textarea").inputValue()).toBe("changed");
  await dispatcher.locator("textarea").press("Escape");
  await until("they wait", async () => (await states(dispatcher)).filter((it) => it === "tick queued").length === 3);
  await banner(dispatcher).filter({ hasText: "3 messages wait to be sent." }).waitFor();
  expect(await stored()).toEqual(["before", "uno", "dos"]);
  // "Try now" tries at once, and waits less long if that does not help.
  const attempt = () => dispatcher.evaluate(() => (window as unknown as { attempt(): number }).attempt());
  await until("it has tried", async () => (await attempt()) >= 3 && (await banner(dispatcher).getByRole("button").isVisible()));
  await banner(dispatcher).getByRole("button", { name: "Try now" }).click();
  await until("it starts over", async () => (await attempt()) <= 2);
  line.accept();
  await backOnline(dispatcher);
  const all = ["before", "uno", "dos", "one", "two", "three"];
  await until("both agree", async () => (await shown(dispatcher)).join() === all.join() && (await shown(driver)).join() === all.join());
  expect(await stored()).toEqual(all);
  await until("all are sent", async () => (await states(dispatcher)).every((it) => it === "tick sent" || it === "tick read"));
});

test("the line dies again and again while two type: both agree in the end", async () => {
  const [a, b] = [await lineTo(), await lineTo()];
  const dispatcher = await stage.open({ sub: "dispatcher", channel: dock, url: a.url });
  const driver = await stage.open({ sub: "driver", channel: dock, url: b.url });
  const sent: string[] = [];
  for (let i = 0; i < 24; i++) {
    const [page, text] = i % 3 === 0 ? [driver, `driver ${i}`] : [dispatcher, `dispatcher ${i}`];
    await say(page, text);
    sent.push(text);
    if (i % 5 === 2) a.cut();
    if (i % 7 === 3) b.cut();
  }
  await until("all is stored", async () => (await stored()).length === sent.length, 20_000);
  const all = await stored();
  expect([...all].sort()).toEqual([...sent].sort());
  for (const who of ["driver", "dispatcher"]) {
    const own = (list: string[]) => list.filter((text) => text.startsWith(who));
    expect(own(all)).toEqual(own(sent));
  }
  const held = (page: Page) =>
    page.evaluate((id) => (window as unknown as { contents(id: string): string[] }).contents(id), dock);
  for (const page of [dispatcher, driver]) await until("both agree", async () => (await held(page)).join() === all.join(), 20_000);
});

test("two tabs share one outbox: nothing is doubled", async () => {
  const line = await lineTo();
  const context = await stage.browser.newContext();
  const who = { sub: "dispatcher", channel: dock, url: line.url };
  const [one, two] = [await stage.openIn(context, who), await stage.openIn(context, who)];
  await say(one, "zero");
  await until("it came", async () => (await shown(two)).length === 1);
  line.refuse();
  line.cut();
  for (let i = 1; i <= 4; i++) await say(i % 2 ? one : two, `text ${i}`);
  const all = ["zero", "text 1", "text 2", "text 3", "text 4"];
  // What is typed in one is seen waiting in the other.
  await until("both show it", async () => (await shown(one)).join() === all.join() && (await shown(two)).join() === all.join());
  line.accept();
  await Promise.all([backOnline(one), backOnline(two)]);
  await until("all is stored", async () => (await stored()).length === 5, 25_000);
  expect(await stored()).toEqual(all);
  for (const tab of [one, two]) {
    await until("both agree", async () => (await shown(tab)).join() === all.join());
    await until("none waits", async () => (await states(tab)).every((it) => it === "tick sent"));
  }
});

test("a reload while sending loses and doubles nothing, and drafts stay", async () => {
  const line = await lineTo();
  const page = await stage.open({ sub: "dispatcher", channel: dock, url: line.url });
  await say(page, "before");
  await until("it is stored, and known to be", async () => (await states(page)).join() === "tick sent");
  line.stall();
  for (const text of ["one", "two", "three"]) await say(page, text);
  await page.locator("textarea").fill("a draft");
  await until("they are kept", async () => (await page.evaluate(() => (window as unknown as { kept(): Promise<number> }).kept())) === 3);
  line.cut();
  line.flow();
  await page.reload();
  await until("all is stored", async () => (await stored()).length === 4, 20_000);
  expect(await stored()).toEqual(["before", "one", "two", "three"]);
  await until("all is shown", async () => (await shown(page)).join() === "before,one,two,three");
  expect(await page.locator("textarea").inputValue()).toBe("a draft");
});

test("a token that expires is renewed without a word; where there is none any more, it is said", async () => {
  const page = await stage.open({ sub: "driver", channel: dock, ttl: 2 });
  const tokens = () => page.evaluate(() => (window as unknown as { tokens: string[] }).tokens);
  await until("it was renewed", async () => (await tokens()).filter((it) => it === "expiring").length >= 2, 15_000);
  await say(page, "still here");
  await until("it is stored", async () => (await stored()).length === 1);
  expect(await banner(page).isVisible()).toBe(false);
  stage.signedOut.add("driver");
  try {
    await banner(page).filter({ hasText: "You are signed out." }).waitFor({ timeout: 15_000 });
  } finally {
    stage.signedOut.delete("driver");
  }
  await say(page, "later");
  await banner(page).getByRole("button", { name: "Try again" }).click();
  await until("it is stored", async () => (await stored()).length === 2);
});

test("reply, jump to it, edit, delete with a question", async () => {
  const [question] = await post(stage.daemon, dock, "driver", ["Is gate 3 free?"]);
  const page = await stage.open({ sub: "dispatcher", name: "Dispatcher", channel: dock });
  const other = await stage.open({ sub: "driver", name: "Driver 7", channel: dock });
  const row = (text: string) => page.locator(".row", { has: page.locator(".text", { hasText: text }) });
  await row("Is gate 3 free?").hover();
  await row("Is gate 3 free?").getByRole("button", { name: "Reply" }).click();
  await page.locator(".about", { hasText: "Reply to driver" }).waitFor();
  await say(page, "Yes");
  const answer = other.locator(".row", { hasText: "Yes" });
  await until("it is quoted", async () => (await answer.locator(".quote-text").textContent()) === "Is gate 3 free?");
  await row("Yes").locator(".quote").click();
  await page.locator(".row:focus", { hasText: "Is gate 3 free?" }).waitFor();
  expect(question.id).toBeTruthy();

  await row("Yes").hover();
  await row("Yes").getByRole("button", { name: "Edit" }).click();
  expect(await page.locator("textarea").inputValue()).toBe("Yes");
  await say(page, "Yes, until noon");
  await until("it is edited", async () => (await shown(other)).join() === "Is gate 3 free?,Yes, until noon");
  expect(await other.locator(".row .edited:visible").textContent()).toBe("edited");

  await row("Yes, until noon").hover();
  await row("Yes, until noon").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  expect(await shown(page)).toContain("Yes, until noon");
  await row("Yes, until noon").hover();
  await row("Yes, until noon").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await until("it is gone", async () => (await shown(other)).join() === "Is gate 3 free?,This message was deleted");
  expect(await row("This message was deleted").locator(".tools").count()).toBe(0);
});

test("a message that is refused can be sent again or discarded", async () => {
  const page = await stage.open({ sub: "driver", channel: dock });
  await say(page, "first");
  await until("it is stored", async () => (await stored()).length === 1);
  // U+0000 is refused in every text.
  await page.evaluate((id) => void (window as unknown as { send(id: string, text: string): void }).send(id, "bad \u0000"), dock);
  const failed = page.locator(".row.failed");
  await failed.filter({ hasText: "Not sent" }).waitFor();
  await failed.getByRole("button", { name: "Try again" }).click();
  await failed.filter({ hasText: "Not sent" }).waitFor();
  await failed.getByRole("button", { name: "Discard" }).click();
  await failed.waitFor({ state: "detached" });
  expect(await shown(page)).toEqual(["first"]);
});

test("the channel goes away from who is removed, and comes to who is added", async () => {
  const page = await stage.open({ sub: "driver", channel: dock });
  await say(page, "here");
  await until("it is stored", async () => (await stored()).length === 1);
  await stage.daemon.call(`/channels/${dock}/members/driver`, { method: "DELETE" });
  await page.getByText("You are not a member of this conversation.").waitFor();
  expect(await page.locator("textarea").isDisabled()).toBe(true);
  const other = (await stage.daemon.group("Second yard", ["driver"])).id;
  await page.getByRole("option", { name: "Second yard" }).click();
  await say(page, "here as well");
  await until("it is stored", async () => (await stored(other)).length === 1);
});

test("taken from the page it closes what it made; what was given to it stays", async () => {
  const page = await stage.open({ sub: "driver", channel: dock });
  await say(page, "here");
  await until("it is stored", async () => (await stored()).length === 1);
  const states = () => page.evaluate(() => (window as unknown as { states(): unknown }).states());
  await page.evaluate(() => (window as unknown as { watch(): void }).watch());
  // A move is no end.
  await page.evaluate(() => document.body.append(document.querySelector("tenfour-chat")!));
  await page.locator(".row").waitFor();
  expect(await states()).toEqual({ first: "connected", same: true, client: true });
  await page.evaluate(() => document.querySelector("tenfour-chat")!.remove());
  await until("it is closed", async () => JSON.stringify(await states()) === '{"first":"disconnected","same":false,"client":false}');

  const given = () => page.evaluate(() => (window as unknown as { given?: { connection: { state: string } } }).given?.connection.state);
  await page.evaluate(() => (window as unknown as { give(): Promise<void> }).give());
  await until("it connects what was given", async () => (await given()) === "connected");
  await page.evaluate(() => document.querySelector("tenfour-chat")!.remove());
  await page.evaluate(() => new Promise(requestAnimationFrame));
  expect(await given()).toBe("connected");
});
