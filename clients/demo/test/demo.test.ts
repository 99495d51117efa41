/** The demo page in a real browser against a real `tenfour dev`. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Browser, Page } from "playwright-core";
import { startBrowser, violations } from "../../test/browser.mjs";
import { startDaemon, until } from "../../test/daemon.mjs";

type Who = "Dispatcher" | "Driver";

/** Screenshots go here, for whoever wants to look at them. */
const SHOTS = process.env.TENFOUR_SHOTS;

let browser: Browser;
let demo: Awaited<ReturnType<typeof startDaemon>>;
/** The page, as `dev` names it to whoever has started it. */
let link: string;
let page: Page;
let complaints: string[];
/** All that has left the page by WebSocket. */
let sent: string;

beforeAll(async () => {
  [browser, demo] = await Promise.all([startBrowser(), startDaemon({ command: "dev" })]);
  link = /Open (http:\S+) for two users/.exec(demo.log())![1]!;
});

afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

async function open(options: Parameters<Browser["newContext"]>[0] = {}): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  page = await context.newPage();
  complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  sent = "";
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => (sent += payload)));
  page.on("console", (message) => {
    // By this question a client whose connection was refused finds out why; "not found" is the good answer.
    if (message.type() !== "error" || message.location().url.endsWith("/channels/00000000-0000-0000-0000-000000000000")) return;
    complaints.push(`${message.text()} ${message.location().url}`);
  });
  await page.goto(link);
  await ready("Dispatcher");
  await ready("Driver");
}

afterEach(async () => {
  await page?.context().close();
});

const seat = (who: Who) => page.getByRole("region", { name: who, exact: true });
const status = (who: Who) => seat(who).locator(".status");
const box = (who: Who) => seat(who).getByRole("textbox", { name: "Message" });
const cut = (who: Who) => page.getByRole("button", { name: `Cut the line of the ${who}` }).click();
const restore = (who: Who) => page.getByRole("button", { name: `Restore the line of the ${who}` }).click();
const ready = (who: Who) => shows(who, /^Connected, nothing queued$/);

async function shows(who: Who, what: RegExp): Promise<void> {
  await until(`${who}: ${what}`, async () => what.test((await status(who).textContent()) ?? ""));
}

async function say(who: Who, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await box(who).fill(text);
    await box(who).press("Enter");
    await until(`the text of the ${who} is taken`, async () => (await box(who).inputValue()) === "");
  }
}

/** The texts of this test that one side shows, in the order of the page. */
async function shown(who: Who, test: string): Promise<string[]> {
  const text = await seat(who).getByRole("feed").innerText();
  return text.match(new RegExp(`${test}-\\w+`, "g")) ?? [];
}

async function agree(test: string, count: number): Promise<string[]> {
  await until(`both show the ${count} messages`, async () => {
    const [one, other] = [await shown("Dispatcher", test), await shown("Driver", test)];
    return one.length >= count && other.length >= count;
  });
  await ready("Dispatcher");
  await ready("Driver");
  const both = await shown("Dispatcher", test);
  expect(await shown("Driver", test)).toEqual(both);
  expect(new Set(both).size, `each once: ${both}`).toBe(count);
  expect(both).toHaveLength(count);
  return both;
}

async function shot(name: string): Promise<void> {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/demo-${name}.png` });
}

describe("the demo page", () => {
  it("is ready to type, and both talk", async () => {
    await open();
    await until("the composer has the focus", () => page.evaluate(() => document.activeElement?.localName === "tenfour-chat"));
    await page.keyboard.type("talk-1");
    await page.keyboard.press("Enter");
    await until("the driver reads it", async () => (await shown("Driver", "talk")).includes("talk-1"));
    await say("Driver", "talk-2");
    expect(await agree("talk", 2)).toEqual(["talk-1", "talk-2"]);
    expect(complaints).toEqual([]);
    await shot("light");
  });

  it("queues what is written on a cut line, and catches up when it is back", async () => {
    await open();
    await say("Dispatcher", "cut-0");
    await agree("cut", 1);
    await cut("Driver");
    await say("Driver", "cut-a1", "cut-a2");
    await say("Dispatcher", "cut-b1", "cut-b2");
    await shows("Driver", /^Waiting for the line, 2 queued$/);
    await shows("Dispatcher", /^Connected, nothing queued$/);
    expect(await shown("Driver", "cut")).toEqual(["cut-0", "cut-a1", "cut-a2"]);
    expect(await shown("Dispatcher", "cut")).toEqual(["cut-0", "cut-b1", "cut-b2"]);
    expect(sent).toContain("cut-b2");
    expect(sent).not.toContain("cut-a");
    await shot("cut");
    await restore("Driver");
    expect(await agree("cut", 5)).toEqual(["cut-0", "cut-b1", "cut-b2", "cut-a1", "cut-a2"]);
    await shot("restored");
    expect(complaints).toEqual([]);
  });

  it("loses and doubles nothing when a cut is over before anybody noticed", async () => {
    await open();
    for (const n of [1, 2, 3]) {
      await say("Driver", `quick-${n}a`);
      await cut("Driver");
      await say("Driver", `quick-${n}b`);
      await say("Dispatcher", `quick-${n}c`);
      await restore("Driver");
    }
    const all = await agree("quick", 9);
    const own = (of: RegExp) => all.filter((text) => of.test(text));
    expect(own(/[ab]$/)).toEqual(["quick-1a", "quick-1b", "quick-2a", "quick-2b", "quick-3a", "quick-3b"]);
    expect(own(/c$/)).toEqual(["quick-1c", "quick-2c", "quick-3c"]);
  });

  it("cuts both lines, each on its own", async () => {
    await open();
    await cut("Driver");
    await cut("Dispatcher");
    await say("Driver", "both-a");
    await say("Dispatcher", "both-b");
    await shows("Driver", /^Waiting for the line, 1 queued$/);
    await shows("Dispatcher", /^Waiting for the line, 1 queued$/);
    await restore("Dispatcher");
    await ready("Dispatcher");
    await shows("Driver", /^Waiting for the line, 1 queued$/);
    await restore("Driver");
    expect(await agree("both", 2)).toEqual(["both-b", "both-a"]);
  });

  it("keeps what is queued over a reload", async () => {
    await open();
    await cut("Driver");
    await say("Driver", "kept-1", "kept-2");
    await shows("Driver", /2 queued$/);
    await page.reload();
    await ready("Driver");
    expect(await agree("kept", 2)).toEqual(["kept-1", "kept-2"]);
  });

  it("asks for a fresh token when the daemon refuses the one that came with the page", async () => {
    const context = await browser.newContext();
    let asked = 0;
    await context.route("**/demo/users", async (route) => {
      asked += 1;
      const answer = await route.fetch();
      const text = await answer.text();
      // The signature of the first ones is that of another token.
      await route.fulfill({ response: answer, body: asked === 1 ? text.replace(/\.[\w-]{43}"/g, `.${"A".repeat(43)}"`) : text });
    });
    page = await context.newPage();
    await page.goto(link);
    await ready("Dispatcher");
    await ready("Driver");
    expect(asked).toBe(3);
  });

  it("works by keyboard alone", async () => {
    await open();
    const button = page.getByRole("button", { name: "Cut the line of the Dispatcher" });
    for (let n = 0; n < 40 && !(await button.evaluate((it) => it === document.activeElement)); n++) {
      await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.press("Enter");
    await shows("Dispatcher", /^(Line cut|Waiting)/);
    await page.keyboard.press("Space");
    await ready("Dispatcher");
  });

  it("has no barrier and nothing sticks out: light and dark, wide and narrow", async () => {
    await open({ reducedMotion: "reduce" });
    await say("Dispatcher", "look-1");
    await agree("look", 1);
    await cut("Driver");
    await shows("Driver", /^Waiting/);
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 320]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        expect(await violations(page), `${colorScheme}, ${width}px`).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        for (const bar of await page.locator(".bar").all()) {
          expect(await bar.evaluate((it) => it.scrollWidth - it.clientWidth), `the bar at ${width}px`).toBe(0);
        }
        await shot(`${colorScheme}-${width}`);
      }
    }
  });
});
