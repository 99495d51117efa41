/** What the reader has begun stays theirs: the focus, a draft, a reply, an edit, the place in the list; until they sign out. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { say, shown, startStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
let dock: string;
let who: string;
let n = 0;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage?.stop());
beforeEach(async () => {
  // Each has a list of their own.
  who = `dispatcher-${++n}`;
  dock = (await stage.daemon.group("Dock", [who, "driver"])).id;
  await stage.daemon.group("Yard", [who, "driver"]);
});
afterEach(async () => {
  for (const context of stage.browser.contexts()) await context.close();
});

type Chat = HTMLElement & { strings: unknown; channel: string | null; client: unknown; getToken: unknown; signOut(): Promise<void> };
const field = (page: Page) => page.locator("textarea");
const about = (page: Page) => page.locator(".about");
const go = async (page: Page, name: string) => {
  await page.getByRole("option", { name }).click();
  await page.locator(".head-name", { hasText: name }).waitFor();
};
const active = (page: Page) =>
  page.evaluate(() => {
    const it = document.querySelector("tenfour-chat")!.shadowRoot!.activeElement;
    return it ? `${it.localName} ${it.getAttribute("aria-label")}` : "nothing";
  });
const scrolled = (page: Page) => page.locator(".scroller").evaluate((it) => Math.round(it.scrollTop));
const frames = (page: Page) =>
  page.evaluate(async () => {
    for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame);
  });
const answer = async (page: Page, words: string) => {
  await page.locator(".row").first().waitFor();
  await field(page).press("PageUp");
  await page.keyboard.press("r");
  await about(page).filter({ hasText: "Reply to" }).waitFor();
  await field(page).fill(words);
};

test("the buttons of a message stay, and the focus in them, whatever becomes of the message", async () => {
  const direct = (await stage.daemon.call("/channels", { as: who, body: { type: "direct", userId: "driver" } })).id;
  const page = await stage.open({ sub: who, channel: direct });
  await say(page, "mine");
  await page.locator(".tick.sent").last().waitFor();
  const seq = (await stage.daemon.call(`/channels/${direct}`, { as: "driver" })).lastSeq;
  await field(page).press("PageUp");
  await page.keyboard.press("Tab");
  expect(await active(page)).toBe("button Reply");
  const tools = await page.locator(".row:focus-within .tools").elementHandle();
  await stage.daemon.call(`/channels/${direct}/read`, { as: "driver", body: { seq } });
  await page.locator(".tick.read").last().waitFor();
  expect(await active(page)).toBe("button Reply");
  expect(await tools!.evaluate((it) => it.isConnected)).toBe(true);
});

test("when less may be done with a message, the focus stays with it", async () => {
  const [id] = (await post(stage.daemon, dock, who, ["mine"])).map((it: { id: string }) => it.id);
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".row").waitFor();
  await field(page).press("PageUp");
  await page.keyboard.press("Tab");
  expect(await active(page)).toBe("button Reply");
  await stage.daemon.call(`/messages/${id}`, { as: who, method: "DELETE" });
  await page.locator(".row.deleted").waitFor();
  expect(await page.locator(".row.deleted:focus").count()).toBe(1);
});
