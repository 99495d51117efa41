// A headless Chromium for the suites of the pages: the distribution's, driven by playwright-core.

import { chromium } from "playwright-core";

/** @param {import("playwright-core").LaunchOptions} [options] */
export function startBrowser(options = {}) {
  const root = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...(root ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
    ...options,
  });
}
