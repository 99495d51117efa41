// How the console does when there is much to show, when nobody looks, and when the daemon is away.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_ANSWER, soon, stage } from "./stage.mjs";

let on;
beforeAll(async () => {
  on = await stage({ env: { TENFOUR_MAX_SESSIONS_PER_USER: "1000" } });
});
afterAll(() => on?.stop());

const asks = (page) => {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  return asked;
};

describe("many sessions", () => {
  const SESSIONS = 5000;

  beforeAll(async () => {
    for (let from = 0; from < SESSIONS; from += 250) {
      const some = Array.from({ length: 250 }, (_, index) => (from + index) % 50);
      await Promise.all(some.map((user) => on.connect(`user-${user}`, `User ${user}`)));
    }
  }, 90_000);

  it("are shown by the hundred, also where they are found and sorted", async () => {
    const { page, at, troubles, close } = await on.tab();
    const asked = asks(page);
    await at("sessions");
    const summary = page.locator(".summary");
    const rows = page.locator("tbody tr");
    await soon(() => summary.textContent()).toBe("5,000 sessions");
    expect(await rows.count()).toBe(100);
    expect(asked.filter((path) => path === "/admin/sessions")).toHaveLength(5);

    /** How many rows come into being while it does this. */
    const rowsMade = async (act) => {
      await page.evaluate(() => {
        window.made = 0;
        const rowsIn = (node) => (node.matches?.("tr") ? 1 : (node.querySelectorAll?.("tr").length ?? 0));
        window.observer = new MutationObserver((records) => {
          for (const { addedNodes } of records) for (const node of addedNodes) window.made += rowsIn(node);
        });
        window.observer.observe(document.body, { childList: true, subtree: true });
      });
      await act();
      return page.evaluate(() => {
        window.observer.disconnect();
        return window.made;
      });
    };
    const made = await rowsMade(async () => {
      await page.getByRole("button", { name: "Next" }).click();
      await page.locator(".pager", { hasText: "101 to 200 of 5,000" }).waitFor();
      await page.getByRole("button", { name: "User", exact: true }).click();
      await soon(() => rows.first().textContent()).toContain("User 0");
      await page.getByLabel("Search").fill("user 49");
      await soon(() => summary.textContent()).toBe("100 found in 5,000 sessions");
      await page.getByLabel("Search").fill("");
      await page.getByRole("button", { name: "Refresh" }).click();
      await soon(() => asked.filter((path) => path === "/admin/sessions").length).toBe(10);
      await soon(() => summary.textContent()).toBe("5,000 sessions");
    });
    // Each of the five makes the hundred that it shows, and none of the five thousand that it goes through.
    expect(made).toBeLessThanOrEqual(600);
    expect(await page.locator("th[aria-sort=ascending]").textContent()).toBe("User");

    await page.getByRole("textbox", { name: "User", exact: true }).fill("user-7");
    await page.keyboard.press("Enter");
    await soon(() => summary.textContent()).toBe("100 sessions");
    expect(page.url()).toContain("#/sessions?user=user-7");
    await at("presence");
    await soon(() => summary.textContent()).toBe("50 users");
    expect(await troubles()).toEqual([]);
    await close();
  }, 60_000);
});

describe("a page that nobody looks at", () => {
  it("asks nothing, and asks at once when it is seen again", async () => {
    const { page, at, close } = await on.tab();
    const asked = asks(page);
    await at("overview");
    const look = (hidden) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await look(true);
    await page.getByText("Paused").waitFor();
    const before = asked.length;
    // Longer than two rounds.
    await page.waitForTimeout(4500);
    expect(asked.length).toBe(before);
    await look(false);
    await page.locator(".status.live", { hasText: "Live" }).waitFor();
    expect(asked.length).toBeGreaterThan(before);
    await close();
  });
});

describe("a daemon that is away", () => {
  it("is told with the age of what is shown, and is there again by itself", async () => {
    const { page, at, axe, troubles, close } = await on.tab();
    await at("overview");
    const banner = page.locator(".shell > .notice");
    expect(await banner.isVisible()).toBe(false);
    await on.daemon.kill();
    await banner.filter({ hasText: /does not answer since \d\d:\d\d:\d\d\. What is shown is of \d\d:\d\d:\d\d\./ }).waitFor();
    expect(await page.locator(".status").textContent()).toBe("No answer");
    expect(await axe()).toEqual([]);
    await page.getByRole("link", { name: "Rooms" }).click();
    await page.getByRole("heading", { name: "Rooms" }).waitFor();
    await on.daemon.start();
    await page.getByRole("heading", { name: "Rooms" }).waitFor();
    await page.locator(".status.live").waitFor();
    expect(await banner.isVisible()).toBe(false);
    // The rates of a daemon that began anew are none, and no negative ones.
    await page.getByRole("link", { name: "Overview" }).click();
    await page.locator(".card").first().waitFor();
    expect(await page.locator("path[d*='NaN']").count()).toBe(0);
    expect(await page.locator(".figure", { hasText: "-" }).count()).toBe(0);
    expect(await troubles(NO_ANSWER)).toEqual([]);
    await close();
  });
});
