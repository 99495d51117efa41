import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { until } from "../../test/daemon.mjs";
import type { TenfourClient as Client } from "../src/index.ts";
import { daemon, useDaemon } from "./help.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = (name: string) => `${root}dist/sdk/${name}`;
const gzipped = (name: string) => gzipSync(readFileSync(dist(name)), { level: 9 }).length;

useDaemon();

test("what the daemon serves is small", () => {
  expect(gzipped("tenfour.js")).toBeLessThanOrEqual(9_000);
  expect(gzipped("record.js")).toBeLessThanOrEqual(1_500);
  expect(gzipped("react.js")).toBeLessThanOrEqual(2_000);
});

test("what stands beside it holds no second client", () => {
  for (const name of ["record.js", "react.js"]) {
    const built = readFileSync(dist(name), "utf8");
    expect(built).not.toContain("tenfour.v1");
    expect(built).not.toMatch(/["'`]TenfourError["'`]/);
  }
  expect(readFileSync(dist("record.js"), "utf8")).toMatch(/from"\.\/tenfour\.js"/);
});

test("the bundle works: two clients of it talk", async () => {
  const sdk = await import(/* @vite-ignore */ dist("tenfour.js"));
  expect(Object.keys(sdk).sort()).toEqual(["Channel", "TenfourClient", "TenfourError", "UnauthorizedError", "indexedDbStore", "memoryStore"]);
  const { id } = await daemon.group("Dock", ["dispatcher", "driver"]);
  const [dispatcher, driver]: Client[] = ["dispatcher", "driver"].map(
    (sub) => new sdk.TenfourClient({ url: daemon.url, WebSocket, getToken: () => daemon.token(sub), store: sdk.memoryStore() }),
  );
  await Promise.all([dispatcher!.connect(), driver!.connect()]);
  const sent = await dispatcher!.channel(id).send("Gate 3 is free.");
  await until("it came", () => driver!.channel(id).messages.length === 1);
  expect(driver!.channel(id).messages).toMatchObject([{ id: sent.id, content: "Gate 3 is free.", mine: false }]);
  await dispatcher!.channel(id).edit(sent.id, "Gate 4 is free.");
  await until("it changed", () => driver!.channel(id).messages[0]!.content === "Gate 4 is free.");
  await Promise.all([dispatcher!.close(), driver!.close()]);
});
