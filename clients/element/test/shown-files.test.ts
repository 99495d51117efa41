/** Files as they are shown in messages: pictures in their place, and all else to be saved. */
import { beforeEach, expect, test } from "vitest";
import { until } from "../../test/daemon.mjs";
import { chip, chips, list, pick, picture, sent } from "./files.ts";
import { backOnline, lineTo, stage, useStage } from "./stage.ts";

let dock: string;
let who: string;
let n = 0;
useStage();
beforeEach(async () => {
  who = `dispatcher-${++n}`;
  dock = (await stage.daemon.group("Dock", [who, "driver"])).id;
});

test("a picture has its place before it is there", async () => {
  await sent(dock, "driver", picture("tall.png", 100, 400));
  const page = await stage.open({ sub: who });
  let go: () => void = () => {};
  const wait = new Promise<void>((done) => (go = done));
  await page.route("**/attachments/*", async (route) => {
    await wait;
    await route.continue();
  });
  await page.locator(".item").first().click();
  await page.locator(".picture").waitFor();
  const before = await page.locator(".row").boundingBox();
  expect(await page.locator(".picture").boundingBox()).toMatchObject({ width: 65, height: 260 });
  go();
  await page.locator(".picture.shown").waitFor();
  expect(await page.locator(".row").boundingBox()).toEqual(before);
});

test("a picture that did not come for want of a line keeps its place, and comes with the next one", async () => {
  await sent(dock, "driver", picture());
  const line = await lineTo();
  const page = await stage.open({ sub: who, channel: dock, url: line.url });
  await page.locator(".picture.shown").waitFor();
  await page.route("**/attachments/*", (route) => route.abort());
  const failed = page.waitForEvent("requestfailed", (request) => request.url().includes("/attachments/"));
  await sent(dock, "driver", picture("late.png"));
  await failed;
  // It would be a file by the next frames.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  expect(await page.locator(".picture").count()).toBe(2);
  await page.unroute("**/attachments/*");
  line.refuse();
  line.cut();
  await page.locator(".banner").waitFor();
  line.accept();
  await backOnline(page);
  await page.locator(".picture.shown").nth(1).waitFor();
});

test("no address of a blob outlives what it was for", async () => {
  await sent(dock, "driver", picture("first.png"));
  const context = await stage.browser.newContext({ viewport: { width: 1000, height: 700 } });
  await context.addInitScript(() => {
    const live = new Set<string>();
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (of) => {
      const url = createObjectURL.call(URL, of);
      live.add(url);
      return url;
    };
    URL.revokeObjectURL = (url) => {
      live.delete(url);
      revokeObjectURL.call(URL, url);
    };
    Object.assign(window, { live });
  });
  const page = await stage.openIn(context, { sub: who, channel: dock });
  await page.locator(".picture.shown").waitFor();
  await pick(page, picture("second.png"));
  await chips(page).locator("img").waitFor();
  await chip(page, "done").waitFor();
  await page.locator("textarea").press("Enter");
  await page.locator(".picture.shown").nth(1).waitFor();
  await page.locator(".picture").first().click();
  const image = page.getByRole("dialog").locator("img");
  await until("it is open", () => image.evaluate((it: HTMLImageElement) => it.complete && it.naturalWidth === 400));
  await until("all are let go of", () => page.evaluate(() => (window as never as { live: Set<string> }).live.size === 0));
});

test("a deleted message shows no files, and what does not come is told", async () => {
  const { id, attachments } = await sent(dock, "driver", list());
  const page = await stage.open({ sub: who, channel: dock });
  await page.route(`**/attachments/${attachments[0]!.id}`, (route) => route.abort());
  await page.locator(".file").click();
  await page.locator(".toast").filter({ hasText: "load.txt could not be downloaded." }).waitFor();
  await stage.daemon.call(`/messages/${id}`, { method: "DELETE", as: "driver" });
  await page.locator(".row.deleted").waitFor();
  expect(await page.locator(".file").count()).toBe(0);
});

test("where the page's policy shows no pictures of bytes, they are files", async () => {
  await sent(dock, "driver", picture());
  const page = await stage.open({ sub: who, channel: dock, strict: true });
  await page.getByRole("button", { name: /^Download gate.png/ }).waitFor();
  expect(await page.locator(".picture").count()).toBe(0);
  await pick(page, picture("second.png"));
  await chip(page, "done").waitFor();
  expect(await chips(page).locator("img").count()).toBe(0);
});

test("what is no picture is never shown as one, whatever it is called", async () => {
  const svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9' onload='alert(1)'/>";
  await sent(dock, "driver", { name: "drawing.png", buffer: Buffer.from(svg) });
  await sent(dock, "driver", { name: "<img src=x onerror=alert(1)>.txt", buffer: Buffer.from("x") });
  const page = await stage.open({ sub: who, channel: dock });
  await page.locator(".file").nth(1).waitFor();
  expect(await page.locator(".messages img").count()).toBe(0);
  expect(await page.locator(".file-name").nth(1).textContent()).toBe("<img src=x onerror=alert(1)>.txt");
});
