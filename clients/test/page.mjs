// Serves a page for a suite: one HTML file with a module, bundled on the spot.

import { createServer } from "node:http";
import { build } from "esbuild";

/**
 * @param {string} entry the module, by its path
 */
export async function servePage(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    conditions: ["tenfour-source"],
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
    write: false,
    logLevel: "error",
  });
  const html = `<!doctype html><meta charset="utf-8"><title>Test</title><div id="root"></div><script type="module" src="/main.js"></script>`;
  const server = createServer(({ url }, answer) => {
    const script = url === "/main.js";
    answer.setHeader("content-type", script ? "text/javascript" : "text/html");
    answer.end(script ? outputFiles[0].text : html);
  });
  await new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", done);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
