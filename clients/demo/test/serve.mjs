// Starts `tenfour dev` in a folder of its own. The pages are those that are built into the daemon, or with TENFOUR_PAGES=dist
// those of clients/dist, served before it, so that a page can be worked on without building the daemon.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/daemon.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const DIST = join(here, "../../dist");
const BINARY = resolve(process.env.TENFOUR_BIN ?? join(here, "../../../target/debug/tenfour"));
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const KINDS = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** Whether clients/dist is to be served before the daemon. */
export const FROM_DIST = process.env.TENFOUR_PAGES === "dist";

/** @returns {Promise<{ url: string, stop(): Promise<void> }>} */
export async function startDemo() {
  const folder = await mkdtemp(join(tmpdir(), "tenfour-demo-"));
  const port = await freePort();
  const args = ["dev", "--listen", `127.0.0.1:${port}`, "--admin-listen", `127.0.0.1:${await freePort()}`];
  const env = { PATH: process.env.PATH, HOME: folder };
  const child = spawn(BINARY, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const last = () => child.kill("SIGKILL");
  process.once("exit", last);
  let front;
  const stop = async () => {
    front?.closeAllConnections();
    front?.close();
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((done) => child.once("exit", done));
      child.kill("SIGKILL");
      await gone;
    }
    process.removeListener("exit", last);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await started(child);
    if (FROM_DIST) front = await dist(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${front?.address().port ?? port}`, stop };
}

function started(child) {
  let log = "";
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`tenfour dev did not start in 20 s:\n${log}`)), 20_000);
    const take = (chunk) => {
      log += chunk;
      if (!log.includes("stop with Ctrl-C")) return;
      clearTimeout(timer);
      done();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`tenfour dev ended with ${code}:\n${log}`)));
  });
}

/** Answers for pages and SDK as the daemon that listens on `port` does, and hands everything else on to it. */
export async function dist(port) {
  const server = createServer((asked, answer) => {
    const { pathname } = new URL(asked.url, "http://localhost");
    const file = join(DIST, pathname === "/" ? "demo/index.html" : pathname);
    if ((pathname === "/" || /^\/(demo|sdk)\/[\w.-]+$/.test(pathname)) && existsSync(file)) {
      const headers = { "content-type": `${KINDS[extname(file)]}; charset=utf-8` };
      if (pathname.startsWith("/sdk/")) headers["access-control-allow-origin"] = "*";
      else headers["content-security-policy"] = POLICY;
      answer.writeHead(200, headers).end(readFileSync(file));
      return;
    }
    const { method, headers, url: path } = asked;
    const onward = request({ port, host: "127.0.0.1", method, path, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  server.on("upgrade", (asked, socket, head) => {
    const onward = connect(port, "127.0.0.1", () => {
      const headers = asked.rawHeaders.reduce((text, part, i) => text + part + (i % 2 ? "\r\n" : ": "), "");
      onward.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${headers}\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on("error", () => {}).on("close", () => (socket.destroy(), onward.destroy()));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server;
}
