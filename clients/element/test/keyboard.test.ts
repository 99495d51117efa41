/** Without a mouse: everything can be reached, done, and left by keys; input methods keep theirs. */
import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { shown, stage, useStage } from "./stage.ts";

let first: string;
useStage();
beforeAll(async () => {
  const { daemon } = stage;
  first = (await daemon.group("Alpha yard", ["dispatcher", "driver"])).id;
  await daemon.group("Beta yard", ["dispatcher", "driver"]);
  await daemon.group("Gámma yard", ["dispatcher", "driver"]);
  await post(daemon, first, "driver", ["one", "two https://example.com", "three"]);
  await daemon.call(`/channels/${first}/read`, { as: "dispatcher", body: { seq: 3 } });
});

/** What has the focus, in short. */
const active = (page: Page) =>
  page.evaluate(() => {
    const it = document.querySelector("tenfour-chat")!.shadowRoot!.activeElement;
    if (!it) return "nothing";
    const name = it.getAttribute("aria-label") ?? it.querySelector(".item-name")?.textContent ?? it.textContent ?? "";
    return `${it.getAttribute("role") ?? it.tagName.toLowerCase()} ${it.querySelector(".text")?.textContent ?? name}`;
  });
const is = async (page: Page, wanted: string) => {
  await until(`the focus is on ${wanted}`, async () => (await active(page)) === wanted, 3_000).catch(async (error) => {
    throw new Error(`${error.message}; it is on ${await active(page)}`);
  });
};

test("a whole run by keys", async () => {
  const page = await stage.open({ sub: "dispatcher", name: "Dispatcher" });
  const keys = async (...all: string[]) => {
    for (const key of all) await page.keyboard.press(key);
  };
  await page.getByRole("option", { name: "Alpha yard" }).waitFor();
  await until("the preview is there", async () => (await page.locator(".item-said", { hasText: "three" }).count()) === 1);
  await keys("Tab");
  await is(page, "input Search");
  await page.keyboard.type("gamma");
  await until("it is filtered", async () => (await page.getByRole("option").count()) === 1);
  await keys("Escape", "Tab");
  await is(page, "option Alpha yard");
  await keys("ArrowDown");
  await is(page, "option Beta yard");
  await keys("End", "ArrowDown");
  await is(page, "option Gámma yard");
  await keys("Home", "ArrowUp");
  await is(page, "input Search");
  await keys("ArrowDown", "Enter");
  await is(page, "textarea Message to Alpha yard");

  // A line more by Shift+Enter, out by Enter; while a word is composed, Enter belongs to the input method.
  await page.keyboard.type("four");
  await keys("Shift+Enter");
  await page.keyboard.type("and a half");
  await page.locator("textarea").evaluate((it) => {
    it.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }));
    it.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true } as KeyboardEventInit));
  });
  expect((await shown(page)).length).toBe(3);
  await keys("Enter");
  await until("it is sent", async () => (await shown(page)).at(-1) === "four\nand a half");
  await is(page, "textarea Message to Alpha yard");
  await until("it is stored", async () => (await page.locator(".own .tick.sent").count()) === 1);

  // Up into the messages: links, quote and buttons are on the way of the focused one only.
  await keys("Shift+Tab");
  await is(page, "article four\nand a half");
  await keys("ArrowUp", "ArrowUp");
  await is(page, "article two https://example.com");
  await keys("Tab");
  await is(page, "a https://example.com");
  await keys("Tab");
  await is(page, "button Reply");
  await keys("Enter");
  await is(page, "textarea Message to Alpha yard");
  await page.locator(".about", { hasText: "Reply to driver" }).waitFor();
  await keys("Escape");
  await page.locator(".about").waitFor({ state: "hidden" });
  await is(page, "textarea Message to Alpha yard");

  await keys("PageUp");
  await is(page, "article two https://example.com");
  await keys("Home");
  await is(page, "article one");
  await keys("r");
  await page.keyboard.type("five");
  await keys("Enter");
  await until("it is sent", async () => (await shown(page)).at(-1) === "five" && (await page.locator(".pending").count()) === 0);

  // Edit the last one, give it up, do it.
  await keys("ArrowUp");
  expect(await page.locator("textarea").inputValue()).toBe("five");
  await keys("Escape");
  expect(await page.locator("textarea").inputValue()).toBe("");
  await keys("ArrowUp");
  await page.keyboard.type(" and more");
  await keys("Enter");
  await until("it is changed", async () => (await shown(page)).at(-1) === "five and more");
  await is(page, "textarea Message to Alpha yard");

  // Delete: the question takes the focus, and gives it back.
  await keys("Shift+Tab");
  await keys("End");
  await is(page, "article five and more");
  await keys("Delete");
  await is(page, "button Keep it");
  await keys("Escape");
  await is(page, "article five and more");
  await keys("Delete", "Tab", "Enter");
  await until("it is gone", async () => (await shown(page)).at(-1) === "This message was deleted");
  await is(page, "article This message was deleted");
  await keys("Escape");
  await is(page, "textarea Message to Alpha yard");
});

test("the focus stays with a conversation that moves up", async () => {
  const page = await stage.open({ sub: "driver" });
  await page.getByRole("option", { name: "Gámma yard" }).focus();
  const id = (await page.getByRole("option", { name: "Gámma yard" }).getAttribute("data-channel"))!;
  await post(stage.daemon, id, "dispatcher", ["up"]);
  await until("it is the first", async () => (await page.getByRole("option").first().textContent())!.startsWith("GYGámma yard"));
  await is(page, "option Gámma yard");
});

test("in one column, back goes to the conversation that was left", async () => {
  const page = await stage.open({ sub: "dispatcher" }, { viewport: { width: 375, height: 700 } });
  await page.getByRole("option", { name: "Beta yard" }).click();
  await is(page, "textarea Message to Beta yard");
  expect(await page.getByRole("option").count()).toBe(0);
  await page.keyboard.press("Shift+Tab");
  await is(page, "button Open instructions");
  await page.keyboard.press("Shift+Tab");
  await until("back", async () => (await active(page)).startsWith("button Back"));
  await page.keyboard.press("Enter");
  await is(page, "option Beta yard");
  expect(await page.locator("textarea").isVisible()).toBe(false);
});

test("focus() leads to the composer, even before there is one", async () => {
  const page = await stage.open({ sub: "dispatcher" });
  await page.evaluate(async (id) => {
    const old = document.querySelector("tenfour-chat")!;
    const chat = document.createElement("tenfour-chat");
    chat.setAttribute("url", old.getAttribute("url")!);
    chat.setAttribute("channel", id);
    (chat as unknown as { getToken: unknown }).getToken = (old as unknown as { getToken: unknown }).getToken;
    old.replaceWith(chat);
    chat.focus();
  }, first);
  await is(page, "textarea Message to Alpha yard");
});

test("a screen reader is told what comes, who types and how the line is, and not the history", async () => {
  const page = await stage.open({ sub: "dispatcher", name: "Dispatcher", channel: first });
  await page.locator(".row").first().waitFor();
  const log = page.locator("[role=log]");
  expect(await log.getAttribute("aria-live")).toBe("polite");
  expect(await log.textContent()).toBe("");
  await stage.daemon.call(`/channels/${first}/messages`, {
    token: stage.daemon.token("driver", { name: "Driver 7" }),
    body: { clientId: randomUUID(), content: "I am here" },
  });
  await until("it is said", async () => (await log.textContent()) === "Driver 7: I am here");
  const feed = page.getByRole("feed", { name: "Messages in Alpha yard" });
  const row = feed.getByRole("article").last();
  await until("it is shown", async () => (await row.getAttribute("aria-label"))!.startsWith("Driver 7, "));
  expect(Number(await row.getAttribute("aria-posinset"))).toBe(await feed.getByRole("article").count());
  // What is written has a language of its own: its direction is its own as well.
  expect(await page.locator(".row .body").first().getAttribute("dir")).toBe("auto");
});

test("targets are large enough for a finger", async () => {
  const page = await stage.open({ sub: "dispatcher", channel: first }, { viewport: { width: 375, height: 700 }, hasTouch: true, isMobile: true });
  await page.locator(".row").first().waitFor();
  await page.locator(".row .bubble").first().tap();
  const small = await page.evaluate(() =>
    [...document.querySelector("tenfour-chat")!.shadowRoot!.querySelectorAll("button, input, textarea, [role=option]")]
      .map((it) => ({ name: it.getAttribute("aria-label") ?? it.textContent, box: it.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 44 || box.height < 44))
      .map(({ name, box }) => `${name} ${box.width} x ${box.height}`),
  );
  expect(small).toEqual([]);
});
