/**
 * What the suites of the element share: a daemon, a page under a strict policy, a browser, and windows of users.
 *
 * The page is served from an origin of its own, as an application's would be, and says by its policy that nothing but its
 * own files runs or styles it.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { WebSocket } from "ws";
import { startBrowser } from "../../test/browser.mjs";
import { startDaemon } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src *";
/** Of a page that shows no blobs. */
const STRICT = POLICY.replace(" blob:", "");
const KINDS: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css" };

export type Daemon = Awaited<ReturnType<typeof startDaemon>>;

export interface Who {
  sub: string;
  name?: string;
  channel?: string;
  /** Seconds that a token lives. */
  ttl?: number;
  url?: string;
  theme?: string;
  dir?: string;
  lang?: string;
  strings?: Record<string, string>;
  /** Of the element: "off" for none. */
  attachments?: string;
  reactions?: string;
  instructions?: string;
  /** Its policy lets no picture be shown that is made of bytes. */
  strict?: boolean;
}

export interface Stage {
  daemon: Daemon;
  browser: Browser;
  origin: string;
  /** Who gets no token any more. */
  signedOut: Set<string>;
  open(who: Who, options?: BrowserContextOptions): Promise<Page>;
  openIn(context: BrowserContext, who: Who): Promise<Page>;
  stop(): Promise<void>;
}

/** Of the suite that has called `useStage`. */
export let stage: Stage;
const proxies: Awaited<ReturnType<typeof startProxy>>[] = [];

/** A stage for a suite; each of its tests ends with no window and no proxy. */
export function useStage(): void {
  beforeAll(async () => {
    stage = await startStage();
  });
  afterAll(() => stage?.stop());
  afterEach(async () => {
    for (const context of stage.browser.contexts()) await context.close();
    for (const proxy of proxies.splice(0)) await proxy.stop();
  });
}

/** A line to the daemon that a test can cut. */
export async function lineTo(): Promise<Awaited<ReturnType<typeof startProxy>>> {
  const proxy = await startProxy(stage.daemon.port);
  proxies.push(proxy);
  return proxy;
}

async function startStage(): Promise<Stage> {
  const signedOut = new Set<string>();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    try {
      if (pathname === "/token") {
        const sub = searchParams.get("sub")!;
        response.writeHead(signedOut.has(sub) ? 401 : 200, { "content-type": "text/plain" });
        response.end(daemon.token(sub, { name: searchParams.get("name")!, ttl: Number(searchParams.get("ttl")) }));
        return;
      }
      const name = pathname === "/" ? "index.html" : pathname.slice(1).replaceAll("..", "");
      const path = name.startsWith("sdk/") ? join(here, "../../dist", name) : join(here, "page", name);
      const body = await readFile(path);
      response.writeHead(200, { "content-type": KINDS[name.split(".").at(-1)!]!, "content-security-policy": searchParams.has("strict") ? STRICT : POLICY });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // It answers once there is a page, which is after both are there.
  const daemon = await startDaemon({ env: { TENFOUR_ALLOWED_ORIGINS: origin } });
  const browser = await startBrowser();

  async function openIn(context: BrowserContext, who: Who): Promise<Page> {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(`${origin}/${who.strict ? "?strict" : ""}#${encodeURIComponent(JSON.stringify({ url: daemon.url, ...who }))}`);
    await page.locator("tenfour-chat .root").waitFor();
    return page;
  }

  return {
    daemon,
    browser,
    origin,
    signedOut,
    open: async (who, options = {}) => openIn(await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options }), who),
    openIn,
    async stop() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await daemon.stop();
    },
  };
}

/** The first row that is seen, and where it is: what stays when pages come in above it. */
export const topRow = (page: Page) =>
  page.locator(".scroller").evaluate((scroller) => {
    const { top } = scroller.getBoundingClientRect();
    for (const row of scroller.querySelectorAll(".row")) {
      const box = row.getBoundingClientRect();
      const { top: y } = row.querySelector(".body")!.getBoundingClientRect();
      if (box.bottom > top + 1) return { text: row.querySelector(".text")!.textContent, y: y - top };
    }
    return { text: null, y: 0 };
  });

/** The messages that are shown, from top to bottom. */
export function shown(page: Page): Promise<string[]> {
  return page.locator(".row .text").allTextContents();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.locator("textarea").fill(text);
  await page.locator("textarea").press("Enter");
}

/** Back to a good line, now or by itself: whichever is first. */
export async function backOnline(page: Page): Promise<void> {
  const banner = page.locator(".banner");
  await banner.getByRole("button").click({ timeout: 1_000 }).catch(() => {});
  await banner.waitFor({ state: "hidden", timeout: 25_000 });
}

/** Fills a channel over one socket, as fast as the daemon stores. */
export function flood(daemon: Daemon, channel: string, sub: string, count: number, content: (n: number) => string): Promise<void> {
  return new Promise((done, failed) => {
    const socket = new WebSocket(`${daemon.url.replace("http", "ws")}/ws`, ["tenfour.v1", `bearer.${daemon.token(sub)}`]);
    let [sent, stored] = [0, 0];
    const more = () => {
      for (; sent < count && sent - stored < 800; sent++) {
        socket.send(JSON.stringify({ type: "message", clientId: randomUUID(), channelId: channel, content: content(sent + 1) }));
      }
    };
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      if (frame.type === "error") failed(new Error(frame.message));
      if (frame.type === "ack") stored++;
      if (stored === count) {
        socket.close();
        done();
      } else more();
    });
    socket.on("error", failed);
  });
}
