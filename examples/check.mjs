// Checks docs/quickstart.md: takes the files that it names, puts them into a fresh Next.js app in a temporary folder,
// builds that, and drives it in Chromium against a real daemon. Says what failed. Also tries examples/html.
//
//   node examples/check.mjs
//
// Needs what `npm ci` in clients/ installs, and the daemon's binary as TENFOUR_BIN or in target/debug.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBrowser } from "../clients/test/browser.mjs";
import { freePort, startDaemon, until } from "../clients/test/daemon.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const DOC = "docs/quickstart.md";
const MAIN = "In a Next.js app";
/** What the page promises of its main part. */
const MAX_STEPS = 5;
const MAX_LINES = 30;
/** The addresses that the page and the examples name, whatever they are here. */
const DAEMON = "http://127.0.0.1:8080";
const APP = "http://localhost:3000";
/** What an app has before it reads the page. */
const FRESH = ["package-lock.json", "tsconfig.json", "next.config.ts", "app/layout.tsx", "app/style.css", "lib/people.ts", "lib/session.ts"];

/** Where screenshots go, if anywhere: of each step, and of what failed. */
const SHOTS = process.env.TENFOUR_SHOTS;

const ends = [];
const pages = [];
const begun = Date.now();

async function step(what, work) {
  const from = Date.now();
  try {
    const result = await work();
    console.log(`ok      ${what} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    throw new Error(`FAILED  ${what}`, { cause: error });
  }
}

try {
  const { files, install, steps, lines } = await step("the page can be read", () => read(readFileSync(join(root, DOC), "utf8")));
  await step(`"${MAIN}" has ${steps} steps and ${lines} lines to write`, () => {
    assert.ok(steps > 0 && steps <= MAX_STEPS, `at most ${MAX_STEPS} steps`);
    assert.ok(lines > 0 && lines <= MAX_LINES, `at most ${MAX_LINES} lines`);
  });
  await step("the packages are built", () => run("npm", ["run", "build:packages"], join(root, "clients")));

  const appPort = await freePort();
  const origin = `http://localhost:${appPort}`;
  const settings = parse(files.get(".env.local").replaceAll(APP, origin));
  const daemon = await step("the daemon starts with the settings of the page", async () => {
    const env = Object.fromEntries(Object.entries(settings).filter(([name]) => name.startsWith("TENFOUR_")));
    const daemon = await startDaemon({ env });
    ends.push(() => daemon.stop());
    return daemon;
  });
  const { url } = daemon;

  const app = fresh();
  const here = (text) => text.replaceAll(DAEMON, url).replaceAll(APP, origin);
  for (const [path, text] of files) put(join(app, path), here(text));
  put(join(app, "public/example.html"), here(readFileSync(join(root, "examples/html/index.html"), "utf8")));

  await step(install.join(" "), () => run("npm", [...install.slice(1), "--no-save", "--prefer-offline"], app));
  const next = join(app, "node_modules/next/dist/bin/next");
  await step("next build, with its types", () => run(process.execPath, [next, "build"], app));
  await step("the app answers", () => start(next, app, appPort));

  const browser = await startBrowser();
  ends.push(() => browser.close());
  const driver = await signedIn(browser, origin, "driver-7");
  const dispatcher = await signedIn(browser, origin, "dispatcher");
  const box = (page) => page.getByRole("textbox", { name: /^Message/ });

  await step("/chat shows the element, connected", async () => {
    await driver.goto(`${origin}/chat`);
    await driver.getByText("No conversations yet").waitFor();
  });
  await step("a message from the server appears", async () => {
    const { status } = await fetch(`${origin}/api/loads`, { method: "POST" });
    assert.equal(status, 204);
    await driver.getByText("dispatcher", { exact: true }).first().click();
    await driver.getByRole("feed").getByText("Load 1042 is ready.").waitFor();
  });
  await step("/threads shows it by hooks, and answers", async () => {
    await dispatcher.goto(`${origin}/threads`);
    await dispatcher.getByText("Load 1042 is ready. (sent)").waitFor();
    await box(dispatcher).fill("Dock 3, please");
    await box(dispatcher).press("Enter");
    await dispatcher.getByText("Dispatcher: Dock 3, please (sent)").waitFor();
    await driver.getByRole("feed").getByText("Dock 3, please").waitFor();
  });
  await step("the element answers", async () => {
    await box(driver).fill("On my way");
    await box(driver).press("Enter");
    await dispatcher.getByText("Driver 7: On my way (sent)").waitFor();
  });
  await look("talk");
  for (const page of ["chat.html", "example.html"]) {
    await step(`/${page} shows the same`, async () => {
      await driver.goto(`${origin}/${page}`);
      await driver.getByText("Dispatcher", { exact: true }).first().click();
      await driver.getByRole("feed").getByText("On my way").waitFor();
      await box(driver).fill(`From ${page}`);
      await box(driver).press("Enter");
      await dispatcher.getByText(`Driver 7: From ${page} (sent)`).waitFor();
    });
  }
  await step("who is not signed in gets no token", async () => {
    const { status } = await fetch(`${origin}/api/chat-token`);
    assert.equal(status, 401);
  });
  console.log(`the quick start works (${((Date.now() - begun) / 1000).toFixed(0)} s)`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
  await look("failed");
} finally {
  for (const end of ends.reverse()) await end();
}

/** The files that the page names, and how much there is to do in its main part. */
function read(text) {
  const files = new Map();
  let [section, steps, lines] = ["", 0, 0];
  // A fence with what follows its language, its content and its end; or a heading.
  for (const [, level, heading, info, content] of text.matchAll(/^(?:(#+) (.+)|```(.*)\n([\s\S]*?)^```)$/gm)) {
    if (level === "##") section = heading;
    if (level === "###" && section === MAIN) steps += 1;
    const path = /(?:^|\s)title=(\S+)/.exec(info ?? "")?.[1];
    if (!path) continue;
    assert.ok(!files.has(path), `${path} stands there twice`);
    files.set(path, content);
    if (section === MAIN) lines += content.split("\n").filter((line) => line.trim() !== "").length;
  }
  assert.ok(files.has(".env.local"), "the page names no .env.local");
  const install = /^npm install .+$/m.exec(text)?.[0].split(" ");
  assert.ok(install, "the page installs nothing");
  return { files, install, steps, lines };
}

function parse(env) {
  return Object.fromEntries(env.trim().split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** A fresh app that knows nothing of tenfour, with a copy of this repository beside it. */
function fresh() {
  const folder = mkdtempSync(join(tmpdir(), "tenfour-quickstart-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(root, join(folder, "tenfour"));
  const app = join(folder, "app");
  for (const path of FRESH) {
    mkdirSync(dirname(join(app, path)), { recursive: true });
    cpSync(join(root, "examples/nextjs", path), join(app, path));
  }
  const its = JSON.parse(readFileSync(join(root, "examples/nextjs/package.json"), "utf8"));
  its.dependencies = Object.fromEntries(Object.entries(its.dependencies).filter(([name]) => !name.startsWith("@tenfour/")));
  put(join(app, "package.json"), JSON.stringify(its));
  return app;
}

function put(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Nothing of this machine's own settings reaches the app. */
function environment() {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, NEXT_TELEMETRY_DISABLED: "1" };
}

function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("exit", (code) => (code === 0 ? done() : failed(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${log}`))));
  });
}

async function start(next, cwd, port) {
  const child = spawn(process.execPath, [next, "start", "--port", String(port)], { cwd, env: environment() });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log += chunk));
  const gone = new Promise((done) => child.once("exit", done));
  ends.push(() => (child.kill(), gone));
  const answers = () => fetch(`http://localhost:${port}/chat`).then(({ ok }) => ok, () => false);
  const early = gone.then((code) => Promise.reject(new Error(`next start ended with ${code}:\n${log}`)));
  early.catch(() => {});
  await Promise.race([until("the app answers", answers, 30_000), early]);
}

async function signedIn(browser, origin, user) {
  const context = await browser.newContext({ viewport: { width: 900, height: 640 } });
  await context.addCookies([{ name: "example-user", value: user, url: origin }]);
  const page = await context.newPage();
  pages.push(page);
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => console.error(`note    ${user}: ${error}`));
  return page;
}

async function look(name) {
  if (!SHOTS) return;
  for (const [n, page] of pages.entries()) await page.screenshot({ path: join(SHOTS, `quickstart-${name}-${n}.png`) });
}
