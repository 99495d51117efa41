/**
 * How it looks and whether everybody can use it: a filled chat in light, dark, narrow and right-to-left, checked by axe, and
 * photographed where TENFOUR_SHOTS names a folder.
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { until } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { backOnline, stage, useStage } from "./stage.ts";
import type { Who } from "./stage.ts";

let group: string;
let direct: string;
let orders: string;

useStage();
beforeAll(async () => {
  await fill();
});

const people = { "driver-7": "Driver 7", "driver-12": "Driver 12", dock: "Dock North", workshop: "Workshop", dispatcher: "Dispatcher" };

async function fill(): Promise<void> {
  const { daemon } = stage;
  for (const [sub, name] of Object.entries(people)) {
    await daemon.call("/channels", { token: daemon.token(sub, { name }) });
  }
  const as = (sub: string) => daemon.token(sub, { name: people[sub as keyof typeof people] });
  const group_ = await daemon.group("Tour 14, north", ["dispatcher", "driver-7", "driver-12", "dock"]);
  group = group_.id;
  direct = (await daemon.call("/channels", { as: "dispatcher", body: { type: "direct", userId: "driver-7" } })).id;
  const others = [
    (await daemon.group("Workshop and tyres", ["dispatcher", "workshop"])).id,
    (await daemon.call("/channels", { as: "dispatcher", body: { type: "direct", userId: "driver-12" } })).id,
    (await daemon.call("/channels", { as: "dispatcher", body: { type: "direct", userId: "dock" } })).id,
    (await daemon.group("Night shift", ["dispatcher", "driver-12", "dock"])).id,
  ];
  const say = (channel: string, sub: string, content: string, replyToId?: string, more: object = {}) =>
    daemon.call(`/channels/${channel}/messages`, {
      token: as(sub),
      body: { clientId: randomUUID(), content, ...(replyToId && { replyToId }), ...more },
    });
  await say(others[0]!, "workshop", "The trailer is back tomorrow at ten.");
  await say(others[0]!, "dispatcher", "Good, thank you.");
  await say(others[1]!, "driver-12", "Delivered, papers are signed");
  await say(others[2]!, "dock", "We close at 18:00 today.");
  await say(others[3]!, "driver-12", "Anybody near the A7?");
  await say(group, "dispatcher", "Good morning. Load for tour 14 is ready at gate 3, twelve pallets.");
  const gate = await say(group, "driver-7", "I am ten minutes away. Is gate 3 free already, or should I wait outside?");
  await say(group, "dock", "Gate 3 is free.");
  await say(group, "dock", "Please come from the east side, the west entrance is blocked until noon. There is a map at https://example.com/yard/map?gate=3.");
  await say(group, "driver-7", "East side, understood.", gate.id);
  const wrong = await say(group, "dispatcher", "Tel Aviv hall");
  await daemon.call(`/messages/${wrong.id}`, { method: "PATCH", token: as("dispatcher"), body: { content: "Hall B, not hall A, sorry." } });
  const gone = await say(group, "driver-12", "wrong channel");
  await daemon.call(`/messages/${gone.id}`, { method: "DELETE", token: as("driver-12") });
  await say(group, "dispatcher", "Customs papers are in the box next to the door.\nKey code is at reception.", gate.id);
  await say(group, "dispatcher", "Thank you all.");
  for (const sub of ["driver-7", "dock"]) {
    await daemon.call(`/channels/${group}/read`, { token: as(sub), body: { seq: 10 } });
  }
  await say(direct, "dispatcher", "How far are you?");
  await say(direct, "driver-7", "20 km to go. Traffic is fine.");
  await say(direct, "dispatcher", "Great, see you at the gate.");
  await say(direct, "dispatcher", "Call me if anything changes.");
  await daemon.call(`/channels/${direct}/read`, { token: as("driver-7"), body: { seq: 3 } });
  await fillOrders(say, as);
}

/** Messages that ask for an answer, are overdue, name people, and have reactions. */
async function fillOrders(say: (...of: [string, string, string, undefined, object]) => Promise<{ id: string }>, as: (sub: string) => string): Promise<void> {
  const { daemon } = stage;
  orders = (await daemon.group("Orders", ["dispatcher", "driver-7", "driver-12", "dock"])).id;
  const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
  const answer = (id: string, sub: string, body: object) => daemon.call(`/messages/${id}/answer`, { method: "PUT", token: as(sub), body });
  const late = await say(orders, "dispatcher", "Who has the papers of tour 14?", undefined, { instruction: { deadline: soon(1_000) } });
  await answer(late.id, "driver-12", { answer: "declined", note: "Not me. Ask at the dock, they had them in the morning." });
  const mine = await say(orders, "driver-7", "@Dispatcher sign order 18, please.", undefined, { mentionIds: ["dispatcher"], instruction: { deadline: soon(86_400_000) } });
  await answer(mine.id, "dock", { answer: "done" });
  await answer(mine.id, "driver-12", { answer: "accepted" });
  for (const [sub, reaction] of [["dock", "👍"], ["dispatcher", "👍"], ["driver-12", "❤️"], ["dock", "understood"]]) {
    await daemon.call(`/messages/${mine.id}/reactions/${encodeURIComponent(reaction!)}`, { method: "PUT", token: as(sub!) });
  }
}

async function filled(who: Partial<Who>, options: BrowserContextOptions): Promise<Page> {
  const page = await stage.open({ sub: "dispatcher", name: "Dispatcher", ...who }, options);
  await until("the list is filled", async () => (await page.locator(".item-said:not(:empty)").count()) >= 6);
  return page;
}

async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env["TENFOUR_SHOTS"];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  // What moves has come to rest.
  await page.evaluate(async () => {
    const moving = document.querySelector("tenfour-chat")!.shadowRoot!.getAnimations().filter((it) => it instanceof CSSTransition);
    await Promise.all(moving.map((it) => it.finished.catch(() => {})));
  });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Of the element alone: the page around it is not its own. */
const barriers = (page: Page) =>
  violations(page, "tenfour-chat", {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    rules: { region: { enabled: false }, "page-has-heading-one": { enabled: false }, "landmark-one-main": { enabled: false } },
  });

const arabic = {
  search: "البحث بالاسم",
  you: "أنت",
  today: "اليوم",
  message: "رسالة",
  edited: "معدلة",
  deleted: "حُذفت هذه الرسالة",
  newMessages: "رسائل جديدة",
};

const looks: [name: string, who: Partial<Who>, options: BrowserContextOptions][] = [
  ["light", {}, { colorScheme: "light" }],
  ["dark", {}, { colorScheme: "dark" }],
  ["light by attribute", { theme: "light" }, { colorScheme: "dark" }],
  ["narrow", {}, { viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }],
  ["right-to-left", { dir: "rtl", lang: "ar", strings: arabic }, { colorScheme: "light" }],
];

for (const [name, who, options] of looks) {
  test(`${name}: looks right, and axe finds nothing`, async () => {
    const picture = (what: string) => shot(page, `${name.replaceAll(" ", "-")}-${what}`);
    const page = await filled({ channel: group, ...who }, options);
    await page.locator(".row").first().waitFor();
    await until("who has read it is known", async () => (await page.locator(".below").count()) > 0);
    await picture("group");
    expect(await barriers(page)).toEqual([]);
    await page.locator(".scroller").evaluate((scroller) => (scroller.scrollTop = 0));
    await page.locator(".row .body").nth(1).hover();
    await picture("top");
    expect(await barriers(page)).toEqual([]);
    if (name === "narrow") {
      await page.locator(".back").click();
      await picture("list");
      expect(await barriers(page)).toEqual([]);
    }
  });
}

test.each(looks)("%s: what asks for answers looks right, and axe finds nothing", async (name, who, options) => {
  const page = await filled({ channel: orders, ...who }, options);
  await page.locator(".overdue").waitFor();
  await until("the names are known", async () => (await page.locator(".pending bdi").allTextContents()).includes("Dock North"));
  await page.locator(".attach[part=ask-button]").click();
  await page.locator(".row").last().focus();
  await page.keyboard.press("+");
  await shot(page, `${name.replaceAll(" ", "-")}-orders`);
  expect(await barriers(page)).toEqual([]);
  // Nothing stands out of its bubble, or makes the page wider.
  const wide = await page.locator(".scroller").evaluate((it) => it.scrollWidth - it.clientWidth);
  expect(wide).toBeLessThanOrEqual(0);
});

for (const scheme of ["light", "dark"] as const) {
  test(`${scheme}: a direct one, with a line that is down, and what cannot be undone`, async () => {
    const line = await startProxy(stage.daemon.port);
    try {
      const page = await filled({ channel: direct, url: line.url }, { colorScheme: scheme });
      const driver = await stage.open({ sub: "driver-7", name: "Driver 7", channel: direct });
      await page.locator(".tick.read").first().waitFor();
      await driver.locator(".row").first().waitFor();
      await driver.locator(".head", { hasText: "Online" }).waitFor();
      await driver.locator("textarea").pressSequentially("I am");
      await page.locator(".typing", { hasText: "Driver 7" }).waitFor();
      await shot(page, `${scheme}-direct`);
      expect(await barriers(page)).toEqual([]);

      line.refuse();
      line.cut();
      await page.locator(".banner").waitFor();
      await page.evaluate((id) => (window as unknown as { send(id: string, text: string): void }).send(id, "Gate 5, please."), direct);
      await page.locator(".row .bubble").nth(1).hover();
      await page.locator(".row").nth(1).getByRole("button", { name: "Reply" }).click();
      await page.locator("textarea").fill("A longer answer that is being written right now, while there is no line to anywhere, and that takes more than one row.");
      await shot(page, `${scheme}-offline`);
      expect(await barriers(page)).toEqual([]);

      line.accept();
      await backOnline(page);
      await page.evaluate((id) => (window as unknown as { send(id: string, text: string): void }).send(id, "bad \u0000"), direct);
      await page.locator(".failure").waitFor();
      await shot(page, `${scheme}-failed`);
      expect(await barriers(page)).toEqual([]);
      await page.locator(".row.own .bubble").first().hover();
      await page.locator(".row.own").first().getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").waitFor();
      await shot(page, `${scheme}-dialog`);
      expect(await barriers(page)).toEqual([]);
    } finally {
      await line.stop();
    }
  });
}

test.each(["no-preference", "reduce"] as const)("motion: %s", async (reducedMotion) => {
  const page = await filled({ channel: group }, { reducedMotion });
  await page.locator(".row .quote").first().click();
  await page.locator(".flash").waitFor();
  const { moving, marked, scrolls } = await page.evaluate(() => {
    const shadow = document.querySelector("tenfour-chat")!.shadowRoot!;
    const one = (name: string) => shadow.querySelector<HTMLElement>(name)!;
    // All that moves, at once, and a change of colour.
    for (const name of [".banner", ".loading"]) one(name).hidden = false;
    const dots = document.createElement("span");
    dots.className = "dots";
    dots.append(document.createElement("i"));
    one(".typing").append(dots);
    void getComputedStyle(one(".send")).backgroundColor;
    one(".composer").classList.toggle("empty");
    const moving = shadow.getAnimations().map((it) => (it instanceof CSSAnimation ? it.animationName : "transition"));
    return {
      moving: [...new Set(moving)].sort(),
      marked: getComputedStyle(one(".flash .bubble")).boxShadow !== "none",
      scrolls: getComputedStyle(one(".scroller")).scrollBehavior,
    };
  });
  expect(moving).toEqual(reducedMotion === "reduce" ? [] : ["flash", "hop", "late", "pulse", "spin", "transition"]);
  // Where a jump has ended is seen without motion too.
  expect(marked).toBe(true);
  expect(scrolls).toBe("auto");
});

test("nothing is chosen, nothing is there, and a page's own colours", async () => {
  const page = await filled({}, {});
  await page.getByText("Choose a conversation").waitFor();
  await shot(page, "nothing-chosen");
  expect(await barriers(page)).toEqual([]);
  const alone = await stage.open({ sub: "nobody-yet" });
  await alone.getByText("No conversations yet").waitFor();
  expect(await barriers(alone)).toEqual([]);
  // Names that a page may use itself do not meet those of the element.
  await page.evaluate((id) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":root { --accent: #0b7a4b } tenfour-chat { --tenfour-accent: var(--accent); --tenfour-radius: 8px }");
    document.adoptedStyleSheets = [sheet];
    (window as unknown as { chat: { channel: string } }).chat.channel = id;
  }, group);
  await page.locator(".row").first().waitFor();
  expect(await page.locator(".badge:visible").first().evaluate((it) => getComputedStyle(it).backgroundColor)).toBe("rgb(11, 122, 75)");
  await shot(page, "own-colours");
});
