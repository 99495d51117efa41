// What the suites of the console stand on: a daemon with its console, a browser, and people who talk.

import { expect } from "vitest";
import { WebSocket } from "ws";
import { startBrowser, violations } from "../../test/browser.mjs";
import { startDaemon, until } from "../../test/daemon.mjs";


/** What the browser says of an answer that was no; the suites that provoke one allow for it. */
export const NO_ANSWER = /^Failed to load resource: /;

/** Expects it within ten seconds. */
export const soon = (of) => expect.poll(of, { timeout: 10_000, interval: 25 });

/** @param {{ env?: Record<string, string> }} [options] more settings of the daemon */
export async function stage(options = {}) {
  const daemon = await startDaemon(options);
  const url = `${daemon.adminUrl}/admin/`;
  const browser = await startBrowser();
  const sockets = [];

  /** A client of the daemon, once it has been greeted. */
  async function connect(sub, name = sub) {
    const headers = { authorization: `Bearer ${daemon.token(sub, { name })}`, "user-agent": "Suite/1.0" };
    const socket = new WebSocket(`${daemon.url.replace("http", "ws")}/ws`, { headers });
    sockets.push(socket);
    const closed = new Promise((done) => socket.once("close", (code) => done(code)));
    const hello = await new Promise((done, failed) => {
      socket.once("message", (text) => done(JSON.parse(text)));
      socket.once("error", failed);
    });
    const send = (channelId, content) =>
      socket.send(JSON.stringify({ type: "message", clientId: crypto.randomUUID(), channelId, content }));
    return { socket, hello, closed, send };
  }

  /** A tab, with what went wrong in it. */
  async function tab(look = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...look });
    await context.addInitScript(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    const page = await context.newPage();
    const troubles = [];
    page.on("console", (said) => ["error", "warning"].includes(said.type()) && troubles.push(said.text()));
    page.on("pageerror", (error) => troubles.push(String(error)));
    page.on("dialog", (dialog) => {
      troubles.push(`a dialog said ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(url);
    const signIn = async (token = daemon.token("operator", { name: "Operator", scope: "admin" })) => {
      await page.getByLabel("Admin token").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    const enter = async () => {
      await signIn();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
    };
    return {
      page,
      signIn,
      enter,
      /** Signed in, on a view that has its first answer. */
      async at(route) {
        if (await page.getByLabel("Admin token").count()) await enter();
        await page.evaluate((route) => (location.hash = route), `#/${route}`);
        await page.locator(".title .muted", { hasText: "as of" }).waitFor();
        await page.locator(".status.live").waitFor();
      },
      async troubles(allowed = /^$/) {
        const forbidden = await page.evaluate(() => window.violations);
        return [...troubles.filter((text) => !allowed.test(text)), ...forbidden];
      },
      axe: () => violations(page),
      sideways: () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
      close: () => context.close(),
    };
  }

  /** Everybody leaves, and the daemon has seen it. */
  async function empty() {
    for (const socket of sockets.splice(0)) socket.terminate();
    const headers = { authorization: `Bearer ${daemon.token("operator", { scope: "admin" })}` };
    await until("nobody is connected", async () => {
      const answer = await fetch(`${daemon.adminUrl}/admin/sessions`, { headers });
      return (await answer.json()).total === 0;
    });
  }

  return {
    daemon,
    empty,
    connect,
    tab,
    url,
    async stop() {
      for (const socket of sockets) socket.terminate();
      await browser.close();
      await daemon.stop();
    },
  };
}
