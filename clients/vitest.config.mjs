// How the suites of all packages run.

import { defineConfig } from "vitest/config";

// One real daemon and a few processes per file: two files at a time keep two cores busy and no deadline short.
export default defineConfig({
  resolve: { conditions: ["tenfour-source", "import", "module", "default"] },
  ssr: { resolve: { conditions: ["tenfour-source", "import", "module", "node", "default"] } },
  test: {
    include: ["*/test/**/*.test.{ts,tsx,mjs}"],
    pool: "forks",
    maxWorkers: 2,
    // Of all waits of a test together; each has its own, shorter one. A machine that builds beside it is slow.
    testTimeout: 90_000,
    hookTimeout: 60_000,
  },
});
