/** What the suites of the client in a real browser share: a daemon, a line to it that can be cut, and a page of the suite's own. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { startBrowser } from "../../test/browser.mjs";
import { startDaemon } from "../../test/daemon.mjs";
import { servePage } from "../../test/page.mjs";
import { startProxy } from "../../test/proxy.mjs";
import type { Daemon } from "./help.ts";

export let daemon: Daemon;
export let page: Awaited<ReturnType<typeof servePage>>;
export let proxy: Awaited<ReturnType<typeof startProxy>>;
export let browser: Awaited<ReturnType<typeof startBrowser>>;

/** `entry` is the page's module, beside the suites. */
export function usePage(entry: string): void {
  beforeAll(async () => {
    page = await servePage(fileURLToPath(new URL(entry, import.meta.url)));
    daemon = await startDaemon({ env: { TENFOUR_ALLOWED_ORIGINS: page.url } });
    proxy = await startProxy(daemon.port);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.stop();
    await page?.stop();
    await daemon?.stop();
  });
}
