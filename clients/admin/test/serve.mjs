// Serves the built console as the daemon does: under /admin/, with its policy, and everything else is the daemon's answer.
//
// Used by the suite as long as the daemon does not serve the pages itself: `SERVED_BY_DAEMON` is all there is to change.

import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SERVED_BY_DAEMON = false;

const dist = join(dirname(fileURLToPath(import.meta.url)), "../../dist/admin");

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

const FILES = new Map([
  ["/admin/", ["index.html", "text/html; charset=utf-8"]],
  ["/admin/app.js", ["app.js", "text/javascript; charset=utf-8"]],
  ["/admin/style.css", ["style.css", "text/css; charset=utf-8"]],
  ["/admin/icon.svg", ["icon.svg", "image/svg+xml"]],
]);

/**
 * @param {{ adminUrl: string }} daemon
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>} where the console is
 */
export async function serveConsole(daemon) {
  if (SERVED_BY_DAEMON) return { url: `${daemon.adminUrl}/admin/`, stop: async () => {} };
  const server = createServer(async (asked, answer) => {
    const [file, type] = FILES.get(asked.url.split("?")[0]) ?? [];
    if (file) {
      answer.writeHead(200, { "content-type": type, "content-security-policy": POLICY, "cache-control": "no-store" });
      answer.end(await readFile(join(dist, file)));
      return;
    }
    const { host, ...headers } = asked.headers;
    const passed = request(`${daemon.adminUrl}${asked.url}`, { method: asked.method, headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    // A daemon that is gone answers nothing, and so does this.
    passed.on("error", () => asked.socket.destroy());
    asked.pipe(passed);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/admin/`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
