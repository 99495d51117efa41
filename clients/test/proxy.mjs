// A TCP proxy that harms the line on demand: cuts it, stalls it, leaves it half open, or refuses new connections.
//
// Used by the suites between a client and the daemon. It looks into nothing.

import { connect, createServer } from "node:net";

/**
 * @param {number} target the daemon's port
 * @param {number} [listen] the proxy's own port; 0 takes a free one
 */
export async function startProxy(target, listen = 0) {
  const pairs = new Set();
  let accepting = true;
  let stalled = false;
  let count = 0;

  const server = createServer((client) => {
    if (!accepting) {
      client.destroy();
      return;
    }
    count += 1;
    const upstream = connect(target, "127.0.0.1");
    const pair = { client, upstream, halfOpen: false };
    pairs.add(pair);
    const forward = (from, to) => {
      from.on("data", (chunk) => {
        // What a dead line takes, nobody gets.
        if (pair.halfOpen) return;
        if (!to.write(chunk)) from.pause();
      });
      to.on("drain", () => !stalled && from.resume());
      from.on("end", () => !pair.halfOpen && to.end());
      from.on("error", () => {});
      from.on("close", () => {
        if (pair.halfOpen) return;
        to.destroy();
        pairs.delete(pair);
      });
    };
    forward(client, upstream);
    forward(upstream, client);
    if (stalled) pause(pair);
  });
  const pause = ({ client, upstream }) => {
    client.pause();
    upstream.pause();
  };
  await new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(listen, "127.0.0.1", done);
  });
  const { port } = server.address();

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** Connections taken so far. */
    connections: () => count,
    open: () => pairs.size,
    /** Ends every connection at once, as a reset. */
    cut() {
      for (const { client, upstream } of pairs) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
      pairs.clear();
    },
    /** Nothing more passes, and nothing is lost: `flow` lets it go on. */
    stall() {
      stalled = true;
      for (const pair of pairs) pause(pair);
    },
    flow() {
      stalled = false;
      for (const { client, upstream } of pairs) {
        client.resume();
        upstream.resume();
      }
    },
    /** The present connections stay open and everything sent on them is lost, as behind a dead router. */
    halfOpen() {
      for (const pair of pairs) pair.halfOpen = true;
    },
    /** New connections are refused from now on. */
    refuse() {
      accepting = false;
    },
    accept() {
      accepting = true;
    },
    async stop() {
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      await new Promise((done) => server.close(done));
    },
  };
}
