// Drives the built app in Chromium against a real daemon: `npm run build && npm test`.
// Needs what clients/ has installed (playwright-core), and the daemon's binary as TENFOUR_BIN or in target/debug.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBrowser, violations } from "../../../clients/test/browser.mjs";
import { freePort, startDaemon, until } from "../../../clients/test/daemon.mjs";

const app = join(dirname(fileURLToPath(import.meta.url)), "..");
/** Screenshots go here, for whoever wants to look at them. */
const shots = process.env.TENFOUR_SHOTS;
const ends = [];

try {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const daemon = await startDaemon({ env: { TENFOUR_ALLOWED_ORIGINS: origin } });
  ends.push(() => daemon.stop());
  await startApp(port, { TENFOUR_URL: daemon.url, TENFOUR_JWT_SECRET: daemon.secret });
  const browser = await startBrowser();
  ends.push(() => browser.close());

  const dispatcher = await signIn(browser, origin, "Dispatcher");
  const driver = await signIn(browser, origin, "Driver 7");
  await driver.getByText("The dispatcher has not written yet").waitFor();

  // The server's own message makes the channel, and both pages get it by themselves.
  await dispatcher.getByRole("button", { name: "Assign" }).click();
  await driver.getByRole("log").getByText("Load 1042 is yours.").waitFor();
  await dispatcher.getByRole("log").getByText("Load 1042 is yours.").waitFor();
  await dispatcher.locator(".thread .online").waitFor();

  await driver.getByRole("textbox", { name: "Message" }).pressSequentially("On my way");
  await dispatcher.getByText("Driver 7 writing…").waitFor();
  await driver.keyboard.press("Enter");
  await dispatcher.getByRole("log").getByText("On my way").waitFor();
  await driver.locator(".mine").getByText(/, read$/).waitFor();
  await look(dispatcher, "dispatcher");
  await look(driver, "driver");

  // Without the daemon, what is written waits; with it again, it arrives once.
  await daemon.kill();
  await driver.getByText(/^No connection/).waitFor();
  await write(driver, "In a tunnel");
  await driver.getByText(/waits for the connection/).waitFor();
  assert.equal(await driver.getByText("online", { exact: true }).count(), 0, "nobody knows who is online");
  await look(driver, "driver-waits");
  await daemon.start();
  await dispatcher.getByRole("log").getByText("In a tunnel").waitFor({ timeout: 30_000 });
  await until("it is shown as read", async () => (await driver.locator(".mine").last().innerText()).endsWith("read"));
  assert.deepEqual(await texts(driver), ["Load 1042 is yours.", "On my way", "In a tunnel"]);
  assert.deepEqual(await texts(dispatcher), await texts(driver));

  // A second channel, with what is unread in it.
  const other = await signIn(browser, origin, "Driver 12");
  await dispatcher.getByRole("combobox").selectOption("Driver 12");
  await dispatcher.getByRole("button", { name: "Assign" }).click();
  await write(other, "Which dock?");
  await dispatcher.getByRole("navigation").getByText("1 unread").waitFor();
  await dispatcher.getByRole("button", { name: /Driver 12/ }).click();
  await dispatcher.getByRole("log").getByText("Which dock?").waitFor();
  await until("it counts as read", async () => (await dispatcher.getByText("1 unread").count()) === 0);

  for (const page of [dispatcher, driver]) assert.deepEqual(await violations(page), []);

  // Who signs out leaves nothing behind in the browser.
  assert.ok((await kept(driver)) > 0, "messages are kept for the next time");
  await driver.getByRole("button", { name: "Sign out" }).click();
  await driver.getByText("Who are you?").waitFor();
  assert.equal(await kept(driver), 0, "nothing is kept of who signed out");

  const refused = await fetch(`${origin}/api/chat-token`);
  assert.equal(refused.status, 401, "nobody is signed in, and gets no token");
  console.log("the example works");
} finally {
  for (const end of ends.reverse()) await end();
}

async function startApp(port, env) {
  const next = join(app, "node_modules/next/dist/bin/next");
  const all = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", ...env };
  const child = spawn(process.execPath, [next, "start", "--hostname", "127.0.0.1", "--port", port], { cwd: app, env: all });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  const gone = new Promise((done) => child.once("exit", done));
  ends.push(() => (child.kill(), gone));
  const ready = until("the app answers", () => fetch(`http://127.0.0.1:${port}/`).then(({ ok }) => ok, () => false), 30_000);
  await Promise.race([ready, gone.then((code) => Promise.reject(new Error(`next ended with ${code}:\n${log}`)))]);
}

async function signIn(browser, origin, name) {
  const context = await browser.newContext({ viewport: { width: name === "Dispatcher" ? 1100 : 420, height: 720 } });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => console.error(`${name}: ${error}`));
  await page.goto(origin);
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return page;
}

async function write(page, text) {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
}

/** How much the client keeps in the browser. */
function kept(page) {
  return page.evaluate(async () => {
    const done = (request) => new Promise((settled) => (request.onsuccess = () => settled(request.result)));
    const db = await done(indexedDB.open("tenfour"));
    const count = await done(db.transaction("kept").objectStore("kept").count());
    db.close();
    return count;
  });
}

function texts(page) {
  return page.locator(".message p").allInnerTexts();
}

async function look(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `nextjs-${name}.png`) });
}
