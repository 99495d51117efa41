// Starts the real daemon for a test: a free port, a database in a folder of its own, and tokens for it.
//
// Used by every suite. The binary is TENFOUR_BIN, else target/debug/tenfour of the repository. What is started here is
// ended by `stop`, and so is the folder.

import { spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const BINARY = resolve(process.env.TENFOUR_BIN ?? join(here, "../../target/debug/tenfour"));
const SECRET = "a secret of the test suites, and of nothing else";
/** What each command says once it listens. */
const STARTED = { serve: /admin \S+, listening on \S+/, dev: /stop with Ctrl-C/ };

/**
 * @typedef {object} Daemon
 * @property {string} url of REST, the pages and, with ws for http, of the WebSocket
 * @property {string} adminUrl
 * @property {number} port
 * @property {string} folder where the database is
 * @property {string} secret the HS256 secret
 * @property {(sub: string, options?: TokenOptions) => string} token
 * @property {(path: string, options?: CallOptions) => Promise<any>} call REST, by default as the application's server
 * @property {(name: string, subs: string[]) => Promise<any>} group makes a group with these members
 * @property {() => Promise<void>} kill with -9; the database stays
 * @property {() => Promise<void>} start again, on the same ports and database
 * @property {() => Promise<void>} terminate with TERM; the database stays
 * @property {() => Promise<void>} stop for good
 * @property {() => string} log
 *
 * @typedef {{ name?: string, ttl?: number, scope?: string, secret?: string }} TokenOptions
 * @typedef {{ method?: string, body?: unknown, as?: string, token?: string }} CallOptions
 */

/**
 * @param {{ command?: "serve" | "dev", env?: Record<string, string>, args?: string[] }} [options] more settings; `dev` makes a
 *   database and a secret of its own, so that `token`, `call` and `group` are of no use with it
 * @returns {Promise<Daemon>}
 */
export async function startDaemon(options = {}) {
  const { command = "serve" } = options;
  const folder = await mkdtemp(join(tmpdir(), "tenfour-js-"));
  // Asked for at once: one that is let go again may be given to the next who asks.
  const [listen, admin] = await Promise.all([freePort(), freePort()]);
  const ports = { listen, admin };
  let child;
  let log = "";

  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    ...(command === "serve" && {
      DATABASE_URL: `sqlite:${join(folder, "tenfour.db")}`,
      TENFOUR_JWT_SECRET: SECRET,
      TENFOUR_RATE_LIMIT: "off",
    }),
    ...options.env,
  };

  async function start() {
    const args = [command, "--listen", `127.0.0.1:${ports.listen}`, "--admin-listen", `127.0.0.1:${ports.admin}`];
    child = spawn(BINARY, [...args, ...(options.args ?? [])], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    const started = child;
    let mine = "";
    await new Promise((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`the daemon did not start in 20 s:\n${mine}`)), 20_000);
      const take = (chunk) => {
        mine += chunk;
        log = (log + chunk).slice(-100_000);
        if (STARTED[command].test(mine)) {
          clearTimeout(timer);
          done();
        }
      };
      started.stdout.on("data", take);
      started.stderr.on("data", take);
      started.once("error", failed);
      started.once("exit", (code) => failed(new Error(`the daemon ended with ${code}:\n${mine}`)));
    });
  }

  async function end(signal) {
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  // A suite that is broken off leaves no daemon behind.
  const last = () => child?.kill("SIGKILL");
  process.once("exit", last);

  const url = `http://127.0.0.1:${ports.listen}`;
  const token = (sub, { name = sub, ttl = 3600, scope, secret = env.TENFOUR_JWT_SECRET } = {}) =>
    mintToken({ sub, name, exp: Math.floor(Date.now() / 1000) + ttl, ...(scope ? { scope } : {}) }, secret);

  async function call(path, { method, body, as, token: bearer } = {}) {
    const headers = { authorization: `Bearer ${bearer ?? token("the-application", { scope: "admin" })}` };
    if (as) headers["tenfour-user"] = as;
    if (body !== undefined) headers["content-type"] = "application/json";
    const init = { method: method ?? (body === undefined ? "GET" : "POST"), headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    const answer = await fetch(`${url}/api/v1${path}`, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${init.method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  return {
    url,
    adminUrl: `http://127.0.0.1:${ports.admin}`,
    port: ports.listen,
    folder,
    secret: env.TENFOUR_JWT_SECRET,
    token,
    call,
    group: (name, subs) => call("/channels", { body: { type: "group", name, memberIds: subs } }),
    kill: () => end("SIGKILL"),
    terminate: () => end("SIGTERM"),
    start,
    stop: async () => {
      await end("SIGKILL");
      process.removeListener("exit", last);
      await rm(folder, { recursive: true, force: true });
    },
    log: () => log,
  };
}

/** A JWT as the host application would make it. */
export function mintToken(claims, secret = SECRET) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** Sends messages over REST as a user, one after the other. Gives them back. */
export async function post(daemon, channelId, as, contents) {
  const sent = [];
  for (const content of contents) {
    sent.push(await daemon.call(`/channels/${channelId}/messages`, { as, body: { clientId: randomUUID(), content } }));
  }
  return sent;
}

/** Fills a channel faster than one by one. Gives back the contents by `seq`. */
export async function flood(daemon, channelId, as, count) {
  const left = Array.from({ length: count }, (_, n) => `message ${n}`);
  const sent = [];
  const lane = async () => {
    for (let content; (content = left.pop()) !== undefined; ) sent.push(...(await post(daemon, channelId, as, [content])));
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  return sent.sort((a, b) => a.seq - b.seq).map(({ content }) => content);
}

/** A port that is free now, and that the daemon can take again after a restart. */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Waits until a condition holds; fails with what was looked for once the time is over, also where looking takes long. */
export async function until(what, condition, ms = 10_000) {
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(`not in ${ms} ms: ${what}`)), ms);
  });
  const looking = async () => {
    for (;;) {
      const value = await Promise.race([condition(), late]);
      if (value) return value;
      await Promise.race([new Promise((done) => setTimeout(done, 10)), late]);
    }
  };
  return looking().finally(() => clearTimeout(timer));
}
