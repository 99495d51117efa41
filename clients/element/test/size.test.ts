/** What a page has to load. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

test("the element is at most 33 kB gzipped, and holds no second client", async () => {
  const built = await readFile(new URL("../../dist/sdk/element.js", import.meta.url), "utf8");
  expect(gzipSync(built, { level: 9 }).length).toBeLessThanOrEqual(33_000);
  expect(built).toMatch(/from"\.\/tenfour\.js"/);
  expect(built).not.toContain("tenfour.v1");
  expect(built).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/);
});
