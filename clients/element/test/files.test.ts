/** Files of messages: added by button, drag and paste; on their way, failed, kept; opened and saved. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { beforeEach, expect, test } from "vitest";
import { violations } from "../../test/browser.mjs";
import { until } from "../../test/daemon.mjs";
import { png } from "../../test/picture.mjs";
import { chip, chips, list, pick, picture, sent } from "./files.ts";
import { say, shown, stage, useStage } from "./stage.ts";

let dock: string;
let who: string;
let n = 0;
useStage();
beforeEach(async () => {
  who = `dispatcher-${++n}`;
  dock = (await stage.daemon.group("Dock", [who, "driver"])).id;
});

const rows = (page: Page) => page.locator(".row");
const active = (page: Page) => page.evaluate(() => document.querySelector("tenfour-chat")!.shadowRoot!.activeElement?.className);
const alertIn = (page: Page) => page.locator(".trouble");

/** So many bytes a second go out. */
async function slow(page: Page, bytes: number): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const limit = (uploadThroughput: number) =>
    session.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
  await limit(bytes);
  return async () => void (await limit(-1));
}

test("a picture and a file are picked, sent without a word, and seen and saved by the other", async () => {
  const [page, driver] = [await stage.open({ sub: who, channel: dock }), await stage.open({ sub: "driver", channel: dock })];
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Add files" }).click();
  await (await chooser).setFiles([picture(), list()]);
  await chip(page, "done").nth(1).waitFor();
  expect(await chips(page).locator("img").count()).toBe(1);
  expect(await chips(page).locator(".chip-about").nth(1).textContent()).toBe("14 bytes");
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await page.locator("textarea").press("Enter");
  for (const it of [page, driver]) {
    await it.locator(".picture.shown").waitFor();
    expect(await it.locator(".picture").boundingBox()).toMatchObject({ width: 144, height: 72 });
    expect(await it.locator(".file-size").textContent()).toBe("14 bytes");
  }
  expect(await chips(page).count()).toBe(0);
  await driver.locator(".item-said", { hasText: "gate.png, load.txt" }).waitFor();
  expect(await violations(driver, "tenfour-chat")).toEqual([]);

  const saving = driver.waitForEvent("download");
  await driver.getByRole("button", { name: "Download load.txt 14 bytes" }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe("load.txt");
  expect(await readFile(await saved.path(), "utf8")).toBe("twelve pallets");

  // By keys: from the message to the picture, into it, and back.
  await driver.locator("textarea").focus();
  await driver.keyboard.press("PageUp");
  await driver.keyboard.press("Tab");
  expect(await active(driver)).toContain("picture");
  await driver.keyboard.press("Enter");
  const viewer = driver.getByRole("dialog", { name: "gate.png" });
  await until("it is shown", () => viewer.locator("img").evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth === 400));
  expect(await violations(driver, "tenfour-chat")).toEqual([]);
  const again = driver.waitForEvent("download");
  await viewer.getByRole("button", { name: "Download" }).click();
  expect((await again).suggestedFilename()).toBe("gate.png");
  await driver.keyboard.press("Escape");
  await viewer.waitFor({ state: "detached" });
  expect(await active(driver)).toContain("picture");
  for (const it of [page, driver]) expect(await it.evaluate("violations")).toEqual([]);
});

test("the progress is told, and an upload is cancelled", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const fast = await slow(page, 100_000);
  await pick(page, { name: "video.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(2_000_000, 7) }, list());
  const bar = page.getByRole("progressbar", { name: "Uploading video.bin" });
  await until("some of it is there", async () => Number(await bar.getAttribute("aria-valuenow")) > 0);
  expect(Number(await bar.getAttribute("aria-valuenow"))).toBeLessThan(100);
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  await page.getByRole("button", { name: "Cancel the upload of video.bin" }).press("Enter");
  await fast();
  await chip(page, "done").waitFor();
  expect(await chips(page).count()).toBe(1);
  // On to the neighbour, and at last to where one writes.
  expect(await active(page)).toContain("chip-remove");
  await page.keyboard.press("Enter");
  expect(await active(page)).toBe("input");
  await page.keyboard.press("Enter");
  expect(await rows(page).count()).toBe(0);
});

test("what is sent waits for its files, also while another channel is shown", async () => {
  const yard = (await stage.daemon.group("Yard", [who, "driver"])).id;
  const page = await stage.open({ sub: who, channel: dock });
  const fast = await slow(page, 100_000);
  await pick(page, { name: "video.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(600_000, 7) });
  await page.getByRole("progressbar").waitFor();
  await say(page, "Here it is.");
  await page.getByText("Sent as soon as the files are uploaded").waitFor();
  expect(await page.locator("textarea").inputValue()).toBe("Here it is.");
  // Changed, it is not sent by itself any more.
  await page.locator("textarea").press("End");
  await page.keyboard.type(" All of it.");
  expect(await page.locator(".waiting-files").isVisible()).toBe(false);
  await page.keyboard.press("Enter");
  await page.locator(".item", { hasText: "Yard" }).click();
  expect(await chips(page).count()).toBe(0);
  await fast();
  await until("it is sent", async () => (await page.evaluate(([id]) => (window as never as { contents(id: string): string[] }).contents(id!), [dock])).length === 1);
  expect(await page.evaluate(([id]) => (window as never as { contents(id: string): string[] }).contents(id!), [yard])).toEqual([]);
  await page.locator(".item", { hasText: "Dock" }).click();
  await page.locator(".file").waitFor();
  expect(await shown(page)).toEqual(["Here it is. All of it."]);
  expect(await page.locator("textarea").inputValue()).toBe("");
});

test("what waits for its files is sent under other words as well", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const fast = await slow(page, 100_000);
  await pick(page, { name: "video.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(600_000, 7) });
  await page.getByRole("progressbar").waitFor();
  await say(page, "Here it is.");
  await page.getByText("Sent as soon as the files are uploaded").waitFor();
  await page.evaluate(() => ((window as never as { chat: { strings: object } }).chat.strings = { waitingForFiles: "Wartet" }));
  await page.getByText("Wartet").waitFor();
  await fast();
  await page.locator(".file").waitFor();
  expect(await shown(page)).toEqual(["Here it is."]);
  expect(await page.locator("textarea").inputValue()).toBe("");
});

test("what is on its way stays so under other words, in another place, and ends with a sign-out", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const fast = await slow(page, 100_000);
  const large = { name: "video.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(800_000, 7) };
  await pick(page, large);
  await page.getByRole("progressbar").waitFor();
  await page.evaluate(() => {
    const { chat } = window as never as { chat: HTMLElement & { strings: object } };
    chat.strings = { attach: "Datei" };
    document.body.append(chat);
  });
  await page.getByRole("button", { name: "Datei" }).waitFor();
  await page.getByRole("progressbar").waitFor();
  await fast();
  await chip(page, "done").waitFor();
  await until("it is read out", async () => (await page.locator("[role=status]").textContent()) === "video.bin is uploaded");
  await page.locator(".item-last.is-draft").waitFor({ state: "detached" });
  await page.evaluate(() => ((window as never as { chat: { channel: string | null } }).chat.channel = null));
  await page.locator(".item-last.is-draft", { hasText: "video.bin" }).waitFor();
  await slow(page, 50_000);
  await page.evaluate(([id]) => ((window as never as { chat: { channel: string | null } }).chat.channel = id!), [dock]);
  await pick(page, { ...large, name: "second.bin" });
  await page.getByRole("progressbar").waitFor();
  const broken = page.waitForEvent("requestfailed", (request) => request.method() === "POST");
  await page.evaluate(() => (window as never as { chat: { signOut(): Promise<void> } }).chat.signOut());
  await broken;
  expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual([]);
});

test("what fails is told and tried again, and is not sent meanwhile", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.route("**/attachments?*", (route) => route.abort());
  await pick(page, list());
  await chip(page, "failed").filter({ hasText: "there is no connection" }).waitFor();
  await say(page, "The list");
  await alertIn(page).filter({ hasText: "A file is not uploaded." }).waitFor();
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  const refuse = (status: number, code: string, detail?: string) => async () => {
    await page.unroute("**/attachments?*");
    await page.route("**/attachments?*", (route) =>
      route.fulfill({ status, headers: { "access-control-allow-origin": "*" }, contentType: "application/problem+json", body: JSON.stringify({ code, detail }) }),
    );
  };
  for (const [status, code, words, detail] of [
    [413, "too_large", "Not uploaded: too large"],
    [413, "too_large", "Not uploaded: you keep 2 files, the most there may be", "you keep 2 files, the most there may be"],
    [429, "rate_limited", "Too many uploads"],
    [404, "not_found", "Files are not taken here"],
  ] as const) {
    await refuse(status, code, detail)();
    await page.getByRole("button", { name: "Try again to upload load.txt" }).click();
    await chip(page, "failed").filter({ hasText: words }).waitFor();
  }
  await page.unroute("**/attachments?*");
  await page.getByRole("button", { name: "Try again to upload load.txt" }).click();
  await chip(page, "done").waitFor();
  await page.locator("textarea").press("Enter");
  await page.locator(".file").waitFor();
  expect(await shown(page)).toEqual(["The list"]);
});

test("limits are told before anything goes out", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  let calls = 0;
  page.on("request", (request) => (calls += Number(request.url().includes("/attachments?") && request.method() === "POST")));
  await pick(page, { name: "film.mp4", mimeType: "video/mp4", buffer: Buffer.alloc(10 * 1024 * 1024 + 1) });
  await alertIn(page).filter({ hasText: "film.mp4 is larger than 10 MB." }).waitFor();
  await pick(page, list("nothing.txt", ""));
  await alertIn(page).filter({ hasText: "nothing.txt is empty." }).waitFor();
  expect([await chips(page).count(), calls]).toEqual([0, 0]);
  await pick(page, ...Array.from({ length: 11 }, (_, i) => list(`${i}.txt`)));
  await alertIn(page).filter({ hasText: "A message holds 10 files at most." }).waitFor();
  await chip(page, "done").nth(9).waitFor();
  expect([await chips(page).count(), calls]).toEqual([10, 10]);
  await page.locator("textarea").press("Enter");
  await page.locator(".file").nth(9).waitFor();
});

test("files are dropped onto the conversation, and pictures pasted", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator("textarea").waitFor();
  const bytes = [...png(20, 20)];
  const drag = (type: string) =>
    page.locator(".pane").evaluate(
      (pane, [type, bytes]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(bytes as number[])], "yard.png", { type: "image/png" }));
        const event = new DragEvent(type as string, { dataTransfer, bubbles: true, cancelable: true });
        pane.dispatchEvent(event);
        return event.defaultPrevented;
      },
      [type, bytes] as const,
    );
  expect(await drag("dragenter")).toBe(true);
  await page.getByText("Drop files here").waitFor();
  await drag("dragleave");
  expect(await page.locator(".drop").isVisible()).toBe(false);
  await drag("dragover");
  await drag("drop");
  await chip(page, "done").waitFor();
  expect(await page.locator(".drop").isVisible()).toBe(false);
  const paste = (words: string) =>
    page.locator("textarea").evaluate(
      (input, [words, bytes]) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([new Uint8Array(bytes as number[])], "image.png", { type: "image/png" }));
        if (words) clipboardData.setData("text/plain", words as string);
        input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      },
      [words, bytes] as const,
    );
  await paste("");
  await chip(page, "done").nth(1).waitFor();
  // A table's cells come with a picture of them: the words are meant.
  await paste("cell");
  expect(await chips(page).count()).toBe(2);
});

test("what is uploaded is kept over a reload, and what is removed is gone from the server", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  const ids: string[] = [];
  page.on("response", async (response) => {
    if (response.request().method() === "POST" && response.url().includes("/attachments?")) ids.push((await response.json()).id);
  });
  await pick(page, picture(), list());
  await chip(page, "done").nth(1).waitFor();
  await until("both are known", () => ids.length === 2);
  await page.reload();
  await chip(page, "done").nth(1).waitFor();
  const gone = page.waitForResponse((response) => response.request().method() === "DELETE");
  await page.getByRole("button", { name: "Remove load.txt" }).click();
  await gone;
  const head = { headers: { authorization: `Bearer ${stage.daemon.token(who)}` } };
  const statuses = await Promise.all(ids.map(async (id) => (await fetch(`${stage.daemon.url}/api/v1/attachments/${id}`, head)).status));
  expect(statuses.sort()).toEqual([200, 404]);
  await page.locator("textarea").press("Enter");
  await page.locator(".picture.shown").waitFor();
  await page.reload();
  await page.locator(".picture.shown").waitFor();
  expect(await chips(page).count()).toBe(0);
});

test("a token that is refused is replaced once, and the upload goes on", async () => {
  const page = await stage.open({ sub: who, channel: dock });
  let refused = 0;
  await page.route("**/attachments?*", (route) =>
    refused++ === 0
      ? route.fulfill({ status: 401, headers: { "access-control-allow-origin": "*" }, contentType: "application/problem+json", body: '{"code":"unauthorized"}' })
      : route.continue(),
  );
  await pick(page, list());
  await chip(page, "done").waitFor();
  expect(refused).toBe(2);
  expect(await page.evaluate("tokens")).toEqual(["connect", "rejected"]);
});

test("a page may do without files", async () => {
  const page = await stage.open({ sub: who, channel: dock, attachments: "off" });
  await page.locator("textarea").waitFor();
  expect(await page.getByRole("button", { name: "Add files" }).count()).toBe(0);
  // What is dropped all the same is not opened in the place of the page.
  const drag = (type: string, what: "file" | "text") =>
    page.locator(".pane").evaluate(
      (pane, [type, what]) => {
        const dataTransfer = new DataTransfer();
        if (what === "file") dataTransfer.items.add(new File(["x"], "load.txt"));
        else dataTransfer.setData("text/plain", "words");
        const event = new DragEvent(type!, { dataTransfer, bubbles: true, cancelable: true });
        pane.dispatchEvent(event);
        return event.defaultPrevented;
      },
      [type, what] as const,
    );
  expect(await drag("dragover", "file")).toBe(true);
  expect(await page.locator(".drop").isVisible()).toBe(false);
  expect(await drag("drop", "file")).toBe(true);
  expect(await chips(page).count()).toBe(0);
  expect(await drag("dragover", "text")).toBe(false);
});

test.each([
  ["dark", "ltr", 1000],
  ["light", "rtl", 420],
])("everybody can use it: %s, %s, %i px", async (theme, dir, width) => {
  await sent(dock, "driver", picture("gate.png", 900, 500), "The gate");
  await sent(dock, "driver", list("a list of a name that is much longer than there is room for in a message.txt"));
  const page = await stage.open({ sub: who, channel: dock, theme, dir }, { viewport: { width, height: 700 } });
  await page.locator(".picture.shown").waitFor();
  await pick(page, picture(), list("another list of a name that is much longer than there is room for.txt"));
  await chip(page, "done").nth(1).waitFor();
  expect(await violations(page, "tenfour-chat")).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(overflow).toBe(false);
  if (process.env["TENFOUR_SHOTS"]) await page.screenshot({ path: `${process.env["TENFOUR_SHOTS"]}/files-${theme}-${dir}.png` });
});
