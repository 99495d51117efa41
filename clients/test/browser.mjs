// A headless Chromium for the suites of the pages: the distribution's, driven by playwright-core.

import { chromium } from "playwright-core";

/** For whatever a test does on a page. Without it one click may take as long as a whole test. */
const PATIENCE = 15_000;

/** @param {import("playwright-core").LaunchOptions} [options] */
export async function startBrowser(options = {}) {
  const root = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...(root ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
    ...options,
  });
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (look) => {
    const context = await newContext(look);
    context.setDefaultTimeout(PATIENCE);
    return context;
  };
  return browser;
}
