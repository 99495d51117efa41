// A headless Chromium for the suites of the pages: the distribution's, driven by playwright-core.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

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

/**
 * What keeps somebody out of a page, or of an element of it: empty where axe finds nothing.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} [selector]
 * @param {import("axe-core").RunOptions} [options]
 * @returns {Promise<string[]>}
 */
export async function violations(page, selector = "html", options = {}) {
  await page.evaluate(AXE);
  return page.evaluate(
    async ([selector, options]) => {
      // @ts-ignore: it is in the page.
      const { violations } = await window.axe.run(document.querySelector(selector), { resultTypes: ["violations"], ...options });
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
    },
    [selector, options],
  );
}
