/** What the reader has begun stays theirs: the focus, a draft, a reply, an edit, the place in the list; until they sign out. */
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { say, shown, stage, topRow, useStage } from "./stage.ts";

let dock: string;
let who: string;
let n = 0;
useStage();
beforeEach(async () => {
  // Each has a list of their own.
  who = `dispatcher-${++n}`;
  dock = (await stage.daemon.group("Dock", [who, "driver"])).id;
  await stage.daemon.group("Yard", [who, "driver"]);
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
const frames = (page: Page) =>
  page.evaluate(async () => {
    for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame);
  });
/** "one" is sent and becomes "one!", which is under way until what comes back is called. */
const beginEdit = async (page: Page) => {
  const waiting: (() => void)[] = [];
  await page.route("**/api/v1/messages/*", async (route) => {
    if (route.request().method() === "PATCH") await new Promise<void>((done) => waiting.push(done));
    await route.continue().catch(() => {});
  });
  await say(page, "one");
  await page.locator(".tick.sent").waitFor();
  await field(page).press("ArrowUp");
  await say(page, "one!");
  return waiting;
};
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

test("a move in the page changes nothing: focus, reply and place stay", async () => {
  await post(stage.daemon, dock, "driver", Array.from({ length: 80 }, (_, n) => `line ${n}`));
  await stage.daemon.call(`/channels/${dock}/read`, { as: who, body: { seq: 80 } });
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".row .text", { hasText: "line 79" }).waitFor();
  await answer(page, "half an answer");
  await page.locator(".scroller").evaluate((it) => (it.scrollTop = 700));
  await frames(page);
  const before = await topRow(page);
  const first = await page.evaluateHandle(() => document.querySelector("tenfour-chat")!.shadowRoot!.querySelector(".root"));
  await page.evaluate(() => document.body.append(document.querySelector("tenfour-chat")!));
  await frames(page);
  expect(await first.evaluate((it) => it!.isConnected)).toBe(true);
  expect(await active(page)).toBe("textarea Message to Dock");
  expect(await field(page).inputValue()).toBe("half an answer");
  expect(await about(page).isVisible()).toBe(true);
  const after = await topRow(page);
  expect(after.text).toBe(before.text);
  expect(Math.abs(after.y - before.y)).toBeLessThan(3);
});

test("words that are the same change nothing; others keep what was begun", async () => {
  await post(stage.daemon, dock, "driver", ["Which gate?"]);
  const page = await stage.open({ sub: who, channel: dock, strings: { send: "Go" } });
  await answer(page, "half an answer");
  const first = await page.evaluateHandle(() => document.querySelector("tenfour-chat")!.shadowRoot!.querySelector(".root"));
  await page.evaluate(() => ((document.querySelector("tenfour-chat") as unknown as Chat).strings = { send: "Go" }));
  await frames(page);
  expect(await first.evaluate((it) => it!.isConnected)).toBe(true);
  await page.evaluate(() => ((document.querySelector("tenfour-chat") as unknown as Chat).strings = { send: "Off with it" }));
  await page.getByRole("button", { name: "Off with it" }).waitFor();
  expect(await field(page).inputValue()).toBe("half an answer");
  expect(await about(page).textContent()).toContain("Which gate?");
  expect(await active(page)).toBe("textarea Message to Dock");
});

test("a channel that is set is shown, whatever the reader chose since", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const shows = () => page.evaluate(() => (document.querySelector("tenfour-chat") as unknown as Chat).channel);
  await go(page, "Yard");
  expect(await shows()).not.toBe(dock);
  await page.evaluate((id) => document.querySelector("tenfour-chat")!.setAttribute("channel", id), dock);
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  expect(await shows()).toBe(dock);
});

test("a kept draft and what is typed before it is known who types are both there", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  await field(page).fill("a long draft");
  let go_on = () => {};
  const held = new Promise<void>((done) => (go_on = done));
  await page.route("**/token?*", async (route) => {
    await held;
    await route.continue();
  });
  await page.reload();
  await field(page).pressSequentially("more");
  go_on();
  await until("both are shown", async () => (await field(page).inputValue()) === "a long draft\nmore");
  await page.reload();
  await until("both are kept", async () => (await field(page).inputValue()) === "a long draft\nmore");
});

test("a reply is still one after a look into another channel, and over a reload", async () => {
  const [question] = await post(stage.daemon, dock, "driver", ["Which gate?"]);
  const page = await stage.open({ sub: who, channel: dock });
  await answer(page, "Gate 3");
  await go(page, "Yard");
  expect(await about(page).isVisible()).toBe(false);
  expect(await field(page).inputValue()).toBe("");
  await go(page, "Dock");
  expect(await about(page).textContent()).toContain("Which gate?");
  await page.reload();
  await about(page).filter({ hasText: "Which gate?" }).waitFor();
  await field(page).press("Enter");
  const stored = async () =>
    (await stage.daemon.call(`/channels/${dock}/messages?after=0&limit=9`, { as: "driver" })).messages.at(-1) as Record<string, string>;
  await until("it is stored", async () => (await stored())["content"] === "Gate 3");
  expect((await stored())["replyToId"]).toBe(question.id);
  expect(await about(page).isVisible()).toBe(false);
});

test("a begun edit is still there after a look into another channel, beside the draft", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await say(page, "Gate 2");
  await page.locator(".tick.sent").waitFor();
  await field(page).press("ArrowUp");
  await field(page).fill("Gate 3");
  await go(page, "Yard");
  expect(await field(page).inputValue()).toBe("");
  await go(page, "Dock");
  expect(await about(page).textContent()).toContain("Edit message");
  expect(await field(page).inputValue()).toBe("Gate 3");
  await field(page).press("Escape");
  expect(await field(page).inputValue()).toBe("");
  await go(page, "Yard");
  await go(page, "Dock");
  expect(await about(page).isVisible()).toBe(false);
});

test("an edit that was given up or left while it is saved is in nobody's way", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const waiting = await beginEdit(page);
  await until("it is under way", () => waiting.length === 1);
  await field(page).press("Escape");
  await say(page, "two");
  await until("the next one is sent", async () => (await page.locator(".row .tick.sent").count()) >= 1 && (await shown(page)).includes("two"));
  await go(page, "Yard");
  await page.locator(".search").focus();
  const where = await active(page);
  waiting[0]!();
  await until("it is saved", async () =>
    (await stage.daemon.call(`/channels/${dock}/messages?after=0&limit=9`, { as: "driver" })).messages[0].content === "one!");
  await frames(page);
  expect(await active(page)).toBe(where);
  expect(where).not.toContain("textarea");
});

test("what is saved after one has gone elsewhere leaves no edit behind", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const waiting = await beginEdit(page);
  await until("it is under way", () => waiting.length === 1);
  await go(page, "Yard");
  waiting[0]!();
  await go(page, "Dock");
  await page.locator(".row .text", { hasText: "one!" }).waitFor();
  await until("the edit is over", async () => !(await about(page).isVisible()));
  expect(await field(page).inputValue()).toBe("");
});

test("signing out leaves nothing of the user on the device", async () => {
  await post(stage.daemon, dock, "driver", ["between us"]);
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".row .text", { hasText: "between us" }).waitFor();
  await field(page).fill("unsent");
  const left = () =>
    page.evaluate(async (url) => {
      const opening = indexedDB.open(`tenfour ${new URL(url).origin}`);
      await new Promise((done) => (opening.onsuccess = done));
      const keys = opening.result.transaction("kept").objectStore("kept").count();
      await new Promise((done) => (keys.onsuccess = done));
      opening.result.close();
      return [keys.result, sessionStorage.length];
    }, stage.daemon.url);
  await until("something is kept", async () => (await left()).every((count) => count > 0));
  await page.evaluate(() => (document.querySelector("tenfour-chat") as unknown as Chat).signOut());
  expect(await left()).toEqual([0, 0]);
  expect(await page.locator("tenfour-chat .root").count()).toBe(0);
  // It is not signed in again by a move; it is by a new way to get tokens.
  const begins = await page.evaluate(async () => {
    const chat = document.querySelector("tenfour-chat") as unknown as Chat;
    document.body.append(chat);
    await new Promise(requestAnimationFrame);
    return chat.client !== null;
  });
  expect(begins).toBe(false);
  await page.evaluate(() => {
    const chat = document.querySelector("tenfour-chat") as unknown as Chat;
    chat.getToken = async () => (await fetch("/token?sub=driver&name=driver&ttl=60")).text();
  });
  await page.getByRole("option", { name: "Dock" }).first().waitFor();
});

test("signing out closes a client that was given, and forgets what was left behind before it was known who it is", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".head-name", { hasText: "Dock" }).waitFor();
  await field(page).fill("unsent");
  const kept = () =>
    page.evaluate(async (url) => {
      const opening = indexedDB.open(`tenfour ${new URL(url).origin}`);
      await new Promise((done) => (opening.onsuccess = done));
      const keys = opening.result.transaction("kept").objectStore("kept").count();
      await new Promise((done) => (keys.onsuccess = done));
      opening.result.close();
      return keys.result;
    }, stage.daemon.url);
  await until("it is kept", async () => (await kept()) > 0);
  // Taken from the page it has no client any more; what is kept is known to nobody but the browser.
  await page.evaluate(async () => {
    const chat = document.querySelector("tenfour-chat") as unknown as Chat;
    chat.remove();
    await Promise.resolve();
    await chat.signOut();
  });
  expect(await kept()).toBe(0);
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);

  const other = await stage.open({ sub: who });
  const [code, client] = await other.evaluate(async () => {
    const { give } = window as unknown as { give(): Promise<void> };
    await give();
    const { given } = window as unknown as { given: { connect(): Promise<string> } };
    const chat = document.querySelectorAll("tenfour-chat")[1] as unknown as Chat;
    await given.connect();
    await chat.signOut();
    return [await given.connect().catch((error: { code: string }) => error.code), chat.client];
  });
  expect([code, client]).toEqual(["closed", null]);
});

test("what is typed on while a change is saved is a further change", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const waiting = await beginEdit(page);
  // Twice is once.
  await field(page).press("Enter");
  await until("it is under way", () => waiting.length === 1);
  await field(page).pressSequentially("!");
  waiting[0]!();
  await page.locator(".row .text", { hasText: /^one!$/ }).waitFor();
  await frames(page);
  expect(await field(page).inputValue()).toBe("one!!");
  expect(await about(page).textContent()).toContain("Edit message");
  // Back to what it was at first is a change as well.
  await say(page, "one");
  await until("that is under way", () => waiting.length === 2);
  waiting[1]!();
  await page.locator(".row .text", { hasText: /^one$/ }).waitFor();
  await until("the edit is over", async () => !(await about(page).isVisible()));
});

test("what is answered or changed elsewhere, and then deleted, is no reply and no change any more", async () => {
  const [question] = await post(stage.daemon, dock, "driver", ["Which gate?"]);
  const page = await stage.open({ sub: who, channel: dock });
  await answer(page, "Gate 3");
  await go(page, "Yard");
  await stage.daemon.call(`/messages/${question.id}`, { as: "driver", method: "DELETE" });
  await page.getByRole("option", { name: "Dock" }).filter({ hasText: "Draft: Gate 3" }).waitFor();
  await until("it is known", async () =>
    page.evaluate((id) => {
      const { client } = document.querySelector("tenfour-chat") as unknown as { client: { channel(id: string): { messages: { deletedAt: string | null }[] } } };
      return client.channel(id).messages.at(-1)!.deletedAt !== null;
    }, dock));
  await go(page, "Dock");
  expect(await about(page).isVisible()).toBe(false);
  expect(await field(page).inputValue()).toBe("Gate 3");
});
