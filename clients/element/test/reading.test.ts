/** What counts as read, where reading goes on, and what is asked of a server that gives nothing. */
import type { Page, Route } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { backOnline, flood, lineTo, say, shown, stage, useStage } from "./stage.ts";

let dock: string;
useStage();
beforeEach(async () => {
  dock = (await stage.daemon.group("Dock", ["dispatcher", "driver"])).id;
});

const texts = (word: string, count: number) => Array.from({ length: count }, (_, i) => `${word} ${i}`);
const text = (page: Page, words: string) => page.locator(".row .text", { hasText: new RegExp(`^${words}$`) });
const info = () => stage.daemon.call(`/channels/${dock}`, { as: "dispatcher" });
const unread = async (): Promise<number> => (await info()).unread;
const read = (seq: number) => stage.daemon.call(`/channels/${dock}/read`, { as: "dispatcher", body: { seq } });

const held = (page: Page): Promise<number> =>
  page.evaluate((id) => (window as unknown as { held(id: string): number }).held(id), dock);

/** The message below the divider, and how far the divider is below the top of the list. */
const divider = (page: Page) =>
  page.locator(".scroller").evaluate((scroller) => {
    const row = scroller.querySelector(".row:has(.unread:not([hidden]))");
    if (!row) return null;
    const { top } = scroller.getBoundingClientRect();
    return { text: row.querySelector(".text")!.textContent, y: row.querySelector(".unread")!.getBoundingClientRect().top - top };
  });

/** Whether the page is seen, as the browser would tell it. */
const visible = (page: Page, seen: boolean) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, seen ? "visible" : "hidden");

/** The mark of the server stands still: another of this user would have come before what is asked for after it. */
async function settled(page: Page): Promise<number> {
  for (let before = -1; ; ) {
    await page.evaluate(() => new Promise(requestAnimationFrame));
    // Longer than marks are gathered.
    await page.waitForTimeout(250);
    const now = await unread();
    if (now === before) return now;
    before = now;
  }
}

/** Reading goes on at `first` of `count` that were missed: it stands at the top, and what is below the window is unread. */
async function goesOn(page: Page, first: string, count: number): Promise<void> {
  await until("the divider is at the top", async () => {
    const at = await divider(page);
    return at?.text === first && at.y >= 0 && at.y < 60;
  });
  await until("what is seen is read", async () => (await unread()) < count);
  expect(await settled(page)).toBeGreaterThan(count / 2);
}

test("what came while the page was away is unread after a reload, and reading goes on there", async () => {
  await post(stage.daemon, dock, "driver", texts("old", 90));
  await read(90);
  const context = await stage.browser.newContext({ viewport: { width: 1000, height: 700 } });
  const who = { sub: "dispatcher", channel: dock };
  const first = await stage.openIn(context, who);
  await text(first, "old 89").waitFor();
  // It is in the store of the browser by then, so that the next page begins with it.
  await first.evaluate(() => document.querySelector("tenfour-chat")!.remove());
  const saved = () =>
    first.evaluate(
      (url) =>
        new Promise<boolean>((done) => {
          const opening = indexedDB.open(`tenfour ${new URL(url).origin}`);
          opening.onsuccess = () => {
            const keys = opening.result.transaction("kept").objectStore("kept").getAllKeys();
            keys.onsuccess = () => {
              opening.result.close();
              done((keys.result as string[][]).some(([, kind]) => kind === "channel"));
            };
          };
        }),
      stage.daemon.url,
    );
  await until("it is saved", saved);
  await first.close();
  await post(stage.daemon, dock, "driver", texts("missed", 120));
  const page = await stage.openIn(context, who);
  await goesOn(page, "missed 0", 120);
});

test("what came while the line was down is unread, and reading goes on there", async () => {
  await post(stage.daemon, dock, "driver", texts("old", 80));
  await read(80);
  const line = await lineTo();
  const page = await stage.open({ sub: "dispatcher", channel: dock, url: line.url });
  await text(page, "old 79").waitFor();
  line.refuse();
  line.cut();
  await page.locator(".banner", { hasText: "No connection" }).waitFor();
  await post(stage.daemon, dock, "driver", texts("missed", 120));
  line.accept();
  await backOnline(page);
  await goesOn(page, "missed 0", 120);
  // Whoever goes to the end has chosen to.
  await page.getByRole("button", { name: /^To the newest message/ }).click();
  await until("all are read", async () => (await unread()) === 0);
});

test("who has scrolled up stays there when the line comes back", async () => {
  await post(stage.daemon, dock, "driver", texts("old", 80));
  await read(80);
  const line = await lineTo();
  const page = await stage.open({ sub: "dispatcher", channel: dock, url: line.url });
  await text(page, "old 79").waitFor();
  await page.locator(".scroller").evaluate(async (scroller) => {
    scroller.scrollTop = 300;
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
  });
  const top = () =>
    page.locator(".scroller").evaluate((scroller) => {
      const { top } = scroller.getBoundingClientRect();
      const row = [...scroller.querySelectorAll(".row")].find((row) => row.getBoundingClientRect().bottom > top + 1);
      return row?.querySelector(".text")!.textContent;
    });
  const before = await top();
  line.refuse();
  line.cut();
  await page.locator(".banner", { hasText: "No connection" }).waitFor();
  await post(stage.daemon, dock, "driver", texts("missed", 40));
  line.accept();
  await backOnline(page);
  await page.getByRole("button", { name: "To the newest message, 40 unread" }).waitFor();
  expect(await top()).toBe(before);
  expect(await unread()).toBe(40);
});

/** Whether the application shows the element. */
const given = (page: Page, room: boolean) =>
  page.locator("tenfour-chat").evaluate((chat, room) => chat.style.setProperty("display", room ? "" : "none"), room);

test.each([
  ["the page is hidden", visible],
  ["the application does not show it", given],
])("what came while nobody looked is unread, and reading goes on there: %s", async (_, look) => {
  await post(stage.daemon, dock, "driver", ["old"]);
  await read(1);
  const page = await stage.open({ sub: "dispatcher", channel: dock });
  await text(page, "old").waitFor();
  await look(page, false);
  await post(stage.daemon, dock, "driver", texts("missed", 60));
  await until("they came", async () => (await held(page)) === 61);
  expect(await settled(page)).toBe(60);
  await look(page, true);
  await goesOn(page, "missed 0", 60);
});

test("each time something is missed the divider stands above the first of it", async () => {
  await post(stage.daemon, dock, "driver", ["one", "two"]);
  await read(2);
  await post(stage.daemon, dock, "driver", ["three", "four"]);
  const page = await stage.open({ sub: "dispatcher", channel: dock });
  await until("all are read", async () => (await unread()) === 0);
  expect((await divider(page))?.text).toBe("three");
  for (const [first, second] of [["five", "six"], ["seven", "eight"]] as const) {
    await visible(page, false);
    await post(stage.daemon, dock, "driver", [first, second]);
    await text(page, second).waitFor();
    expect(await settled(page)).toBe(2);
    await visible(page, true);
    await until("the divider moved", async () => (await divider(page))?.text === first);
    await until("all are read", async () => (await unread()) === 0);
  }
  // What comes while somebody looks is not missed.
  await post(stage.daemon, dock, "driver", ["nine"]);
  await until("it is read", async () => (await shown(page)).at(-1) === "nine" && (await unread()) === 0);
  expect((await divider(page))?.text).toBe("seven");
});

test("more than is held is not read because its end is shown", async () => {
  await flood(stage.daemon, dock, "driver", 500, (n) => `missed ${n}`);
  const page = await stage.open({ sub: "dispatcher", channel: dock });
  await text(page, "missed 500").waitFor();
  await page.getByRole("button", { name: "500 new messages" }).waitFor();
  expect(await settled(page)).toBe(500);
  await page.locator(".scroller").hover();
  await page.mouse.wheel(0, 100);
  await until("all are read", async () => (await unread()) === 0);
});

test("what is new is shown while the first unread message is looked for", async () => {
  await flood(stage.daemon, dock, "driver", 450, (n) => `missed ${n}`);
  const page = await stage.open({ sub: "dispatcher", channel: dock });
  const up = page.getByRole("button", { name: "450 new messages" });
  await up.waitFor();
  let open: (() => void) | undefined;
  const gate = new Promise<void>((done) => (open = done));
  let waiting = 0;
  // Of this channel: the list asks for the newest of others.
  await page.route(`**/channels/${dock}/messages?before=*`, async (route) => {
    waiting++;
    await gate;
    await route.continue();
  });
  await up.click();
  await until("it is on its way", () => waiting === 1);
  await post(stage.daemon, dock, "driver", ["fresh"]);
  await text(page, "fresh").waitFor();
  const height = await page.locator(".scroller").evaluate((scroller) => scroller.scrollHeight);
  expect(await unread()).toBe(451);
  open!();
  await until("it is there", async () => {
    const at = await divider(page);
    // The day stands above it.
    return at?.text === "missed 1" && at.y >= 0 && at.y < 120;
  });
  expect(await page.locator(".scroller").evaluate((scroller) => scroller.scrollHeight)).toBeGreaterThan(height);
  expect(await settled(page)).toBeGreaterThan(400);
  // One's own ends the search, and nothing of it is left out.
  await say(page, "here");
  await text(page, "here").waitFor();
  await until("all are read", async () => (await unread()) === 0);
});

/** Answers as a daemon that cannot now, and counts. */
function refusing(): { count: number; answer: (route: Route) => Promise<void> } {
  const it = {
    count: 0,
    answer: (route: Route) => {
      it.count++;
      const headers = { "access-control-allow-origin": "*" };
      return route.fulfill({ status: 503, contentType: "application/problem+json", headers, body: '{"code":"unavailable"}' });
    },
  };
  return it;
}

test.each([
  ["the newest messages for the list", "list", "**/messages?before=*", 2],
  ["the members", "members", "**/members", 1],
])("what fails is asked for once a connection: %s", async (_, what, pattern, asked) => {
  // Of two channels; only the second one's previews are missing once something has come in the first.
  const sub = `dispatcher-${what}`;
  const own = (await stage.daemon.group("Yard", [sub, "driver"])).id;
  const quiet = (await stage.daemon.group("Quiet", [sub, "driver"])).id;
  for (const id of [own, quiet]) await post(stage.daemon, id, "driver", ["old"]);
  const line = await lineTo();
  const refused = refusing();
  const context = await stage.browser.newContext();
  await context.route(pattern, refused.answer);
  const page = await stage.openIn(context, { sub, url: line.url, ...(what === "members" ? { channel: own } : {}) });
  await until("it has failed", () => refused.count === asked);
  // What it would do again with each change, it would do now.
  for (let i = 0; i < 20; i++) await post(stage.daemon, own, "driver", [`new ${i}`]);
  await page.locator(".item", { hasText: "new 19" }).waitFor();
  expect(refused.count).toBe(asked);
  line.cut();
  await until("it has failed again", () => refused.count === asked + 1, 20_000);
  await page.evaluate(() => document.querySelector("tenfour-chat")!.remove());
  await post(stage.daemon, own, "driver", ["later"]);
  for (let i = 0; i < 20; i++) await page.evaluate(() => new Promise(requestAnimationFrame));
  expect(refused.count).toBe(asked + 1);
});
