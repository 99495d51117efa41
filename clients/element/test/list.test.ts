/** A long history: it scrolls without jumping, jumps where it is told to, and few of its rows exist. */
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { flood, say, stage, topRow, useStage } from "./stage.ts";

const MANY = 50_000;
const words = (n: number) => `${n} ${"a word or two more ".repeat((n * 7919) % 23)}`.trim();

let archive: string;
useStage();
beforeAll(async () => {
  archive = (await stage.daemon.group("Archive", ["dispatcher", "driver", "reader"])).id;
  await flood(stage.daemon, archive, "driver", MANY, words);
}, 60_000);

const text = (page: Page, words: string) => page.locator(".row .text", { hasText: new RegExp(`^${words}$`) });

const held = (page: Page, id: string) =>
  page.evaluate((id) => (document.querySelector("tenfour-chat") as unknown as Held).client.channel(id).messages.length, id);
interface Held {
  client: { channel(id: string): { messages: unknown[] } };
}

test(`${MANY} messages scroll up through pages, and nothing jumps`, async () => {
  await stage.daemon.call(`/channels/${archive}/read`, { as: "dispatcher", body: { seq: MANY } });
  const page = await stage.open({ sub: "dispatcher", channel: archive });
  await until("the end is shown", async () => (await topRow(page)).text !== null);
  const result = await page.evaluate(async () => {
    const shadow = document.querySelector("tenfour-chat")!.shadowRoot!;
    const scroller = shadow.querySelector(".scroller")!;
    const channel = (document.querySelector("tenfour-chat") as unknown as { client: any; channel: string }).client.channel(
      (document.querySelector("tenfour-chat") as unknown as { channel: string }).channel,
    );
    const first = () => {
      const { top } = scroller.getBoundingClientRect();
      return [...scroller.querySelectorAll(".body")].find((row) => row.getBoundingClientRect().bottom > top + 1)!;
    };
    const frame = () => new Promise(requestAnimationFrame);
    let worst = 0;
    let most = 0;
    let pages = 0;
    // However slow the machine is: it ends with the pages.
    const until = performance.now() + 60_000;
    while (performance.now() < until && pages < 10) {
      // To the top of what is held, in steps as of a wheel; each must move everything by just that much.
      const row = first();
      const before = row.getBoundingClientRect().top;
      const step = Math.min(700, scroller.scrollTop);
      const top = scroller.scrollTop;
      const count = channel.messages.length;
      scroller.scrollTop = top - step;
      const wanted = before + step;
      for (let i = 0; i < 3; i++) await frame();
      if (channel.messages.length !== count) pages++;
      if (row.isConnected) worst = Math.max(worst, Math.abs(row.getBoundingClientRect().top - wanted));
      most = Math.max(most, scroller.querySelectorAll(".row").length);
    }
    return { worst, most, pages };
  });
  expect(result.pages).toBe(10);
  expect(result.worst).toBeLessThanOrEqual(2);
  expect(result.most).toBeLessThan(150);
});

test("a page that comes in above moves nothing", async () => {
  const page = await stage.open({ sub: "dispatcher", channel: archive });
  await until("the end is shown", async () => (await topRow(page)).text !== null);
  // A slow line: what is looked at is known before the page comes.
  await page.route("**/messages?before=*", async (route) => {
    await new Promise((done) => setTimeout(done, 150));
    await route.continue();
  });
  for (let round = 0; round < 8; round++) {
    const before = await held(page, archive);
    const [at, came] = await page.evaluate(async () => {
      const shadow = document.querySelector("tenfour-chat")!.shadowRoot!;
      const scroller = shadow.querySelector(".scroller")!;
      const frame = () => new Promise(requestAnimationFrame);
      scroller.scrollTop = 0;
      await frame();
      await frame();
      const { top } = scroller.getBoundingClientRect();
      const row = [...scroller.querySelectorAll(".body")].find((row) => row.getBoundingClientRect().bottom > top + 1)!;
      const before = row.getBoundingClientRect().top;
      const height = scroller.scrollHeight;
      const end = performance.now() + 5_000;
      while (scroller.scrollHeight <= height + 500 && performance.now() < end) await frame();
      return [before, row.isConnected ? row.getBoundingClientRect().top : Number.NaN];
    });
    await until("a page came", async () => (await held(page, archive)) > before);
    expect(Math.abs(came! - at!)).toBeLessThanOrEqual(2);
  }
});

test(`all ${MANY} are held, and it still scrolls, updates and lets go`, async () => {
  const page = await stage.open({ sub: "reader", channel: archive });
  await page.getByRole("button", { name: `${MANY} new messages` }).click();
  await text(page, words(1)).waitFor({ timeout: 60_000 });
  expect(await held(page, archive)).toBe(MANY);
  const { worst, most, made, measured } = await page.evaluate(async () => {
    const scroller = document.querySelector("tenfour-chat")!.shadowRoot!.querySelector(".scroller")!;
    const frame = () => new Promise(requestAnimationFrame);
    let [worst, most, made, measured] = [0, 0, 0, 0];
    // What a step costs, counted: rows that come into being, and looks at where something is.
    let [rows, looks] = [0, 0];
    const measure = Element.prototype.getBoundingClientRect;
    Element.prototype.getBoundingClientRect = function (this: Element) {
      looks++;
      return measure.call(this);
    };
    const came = new MutationObserver((records) => {
      for (const { addedNodes } of records) rows += addedNodes.length;
    });
    came.observe(scroller.querySelector(".feed")!, { childList: true });
    for (const part of [0.1, 0.9, 0.5, 0.33, 0.66, 0.02, 0.98]) {
      scroller.scrollTop = scroller.scrollHeight * part;
      for (let i = 0; i < 3; i++) await frame();
      for (const step of [-200, -350, 300, -120]) {
        const { top } = scroller.getBoundingClientRect();
        const row = [...scroller.querySelectorAll(".body")].find((row) => row.getBoundingClientRect().bottom > top + 1)!;
        const wanted = row.getBoundingClientRect().top - step;
        [rows, looks] = [0, 0];
        scroller.scrollTop += step;
        await frame();
        await frame();
        [made, measured] = [Math.max(made, rows), Math.max(measured, looks)];
        if (row.isConnected) worst = Math.max(worst, Math.abs(row.getBoundingClientRect().top - wanted));
        most = Math.max(most, scroller.querySelectorAll(".row").length);
      }
    }
    came.disconnect();
    Element.prototype.getBoundingClientRect = measure;
    return { worst, most, made, measured };
  });
  expect(worst).toBeLessThanOrEqual(2);
  expect(most).toBeLessThan(150);
  expect(made).toBeLessThan(60);
  expect(measured).toBeLessThan(300);
  // Something new far below moves nothing here.
  const before = await topRow(page);
  await post(stage.daemon, archive, "driver", ["far below"]);
  await until("it is counted", async () => (await held(page, archive)) === MANY + 1);
  const after = await topRow(page);
  expect(after.text).toBe(before.text);
  expect(Math.abs(after.y - before.y)).toBeLessThanOrEqual(2);
  await page.getByRole("button", { name: /^To the newest message/ }).click();
  await text(page, "far below").waitFor();
  await until("let go of the oldest", async () => (await held(page, archive)) < 1_000);
}, 90_000);

test("jumps: to the first unread through many pages, to the newest, to what was answered", async () => {
  const { daemon } = stage;
  // The mark never goes back: somebody else, with a mark of their own.
  const busy = (await daemon.group("Busy", ["dispatcher", "driver"])).id;
  const [old] = await post(daemon, busy, "driver", ["The question"]);
  await daemon.call(`/channels/${busy}/read`, { as: "dispatcher", body: { seq: 1 } });
  await flood(daemon, busy, "driver", 1_200, words);
  await daemon.call(`/channels/${busy}/messages`, {
    as: "driver",
    body: { clientId: crypto.randomUUID(), content: "The answer", replyToId: old.id },
  });
  const page = await stage.open({ sub: "dispatcher", channel: busy });
  await text(page, "The answer").waitFor();
  const up = page.getByRole("button", { name: "1201 new messages" });
  await up.click();
  await page.getByRole("separator").filter({ hasText: "New messages" }).waitFor();
  const top = await topRow(page);
  expect(top.text === "The question" || top.text === words(1)).toBe(true);
  expect(await held(page, busy)).toBe(1_202);
  await up.waitFor({ state: "hidden" });

  const down = page.getByRole("button", { name: "To the newest message" });
  await say(page, "I am here");
  await down.waitFor({ state: "hidden" });
  await until("let go of the oldest", async () => (await held(page, busy)) <= 320);

  await text(page, "The answer").waitFor();
  await page.locator(".quote").click();
  await page.locator(".row:focus", { hasText: "The question" }).waitFor();
  await post(daemon, busy, "driver", ["one", "two"]);
  await page.getByRole("button", { name: "To the newest message, 2 unread" }).click();
  await text(page, "two").waitFor();
  await down.waitFor({ state: "hidden" });
});

test("new messages do not move what is read further up, and follow whoever is at the end", async () => {
  const { daemon } = stage;
  const quiet = (await daemon.group("Quiet", ["dispatcher", "driver"])).id;
  await post(daemon, quiet, "driver", Array.from({ length: 60 }, (_, i) => words(i)));
  await daemon.call(`/channels/${quiet}/read`, { as: "dispatcher", body: { seq: 60 } });
  const page = await stage.open({ sub: "dispatcher", channel: quiet });
  await text(page, words(59)).waitFor();
  await post(daemon, quiet, "driver", ["follow me"]);
  await text(page, "follow me").waitFor();
  expect(await text(page, "follow me").isVisible()).toBe(true);
  await page.locator(".scroller").evaluate(async (scroller) => {
    scroller.scrollTop = 300;
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
  });
  const before = await topRow(page);
  await post(daemon, quiet, "driver", ["do not follow me"]);
  await page.getByRole("button", { name: "To the newest message, 1 unread" }).waitFor();
  const after = await topRow(page);
  expect(after.text).toBe(before.text);
  expect(Math.abs(after.y - before.y)).toBeLessThanOrEqual(2);
  // A narrower window breaks lines anew: the row that is read stays.
  await page.setViewportSize({ width: 620, height: 700 });
  await until("it settled", async () => (await topRow(page)).text === before.text);
});

test("it opens at the first unread, where that is a page away at most", async () => {
  const { daemon } = stage;
  const missed = (await daemon.group("Missed", ["dispatcher", "driver"])).id;
  await post(daemon, missed, "driver", Array.from({ length: 30 }, (_, i) => words(i)));
  await daemon.call(`/channels/${missed}/read`, { as: "dispatcher", body: { seq: 30 } });
  await post(daemon, missed, "driver", Array.from({ length: 90 }, (_, i) => words(100 + i)));
  const page = await stage.open({ sub: "dispatcher" });
  await page.getByRole("option", { name: "Missed" }).click();
  const divider = page.getByRole("separator").filter({ hasText: "New messages" });
  await divider.waitFor();
  await text(page, words(100)).waitFor();
  const y = async () => (await divider.boundingBox())!.y - (await page.locator(".scroller").boundingBox())!.y;
  await until("it stands at the top", async () => (await y()) > 0 && (await y()) < 60);
  // What was seen is read, and no more.
  const unread = async () => (await daemon.call(`/channels/${missed}`, { as: "dispatcher" })).unread;
  await until("some are read", async () => (await unread()) < 90);
  expect(await unread()).toBeGreaterThan(60);
  await page.getByRole("button", { name: /^To the newest message, \d+ unread$/ }).click();
  await until("all are read", async () => (await unread()) === 0);
  // The divider stays until one writes.
  for (let top = await page.locator(".scroller").evaluate((it) => it.scrollTop); (await divider.count()) === 0 && top > 0; top -= 500) {
    await page.locator(".scroller").evaluate((it, top) => (it.scrollTop = top), top);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  expect(await divider.count()).toBe(1);
  await say(page, "here");
  await text(page, "here").waitFor();
  expect(await divider.count()).toBe(0);
});
