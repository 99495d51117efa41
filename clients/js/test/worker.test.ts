/** A client in a dedicated worker of a real browser, where there is no window and no document. */
import { expect, test } from "vitest";
import { post, until } from "../../test/daemon.mjs";
import { browser, daemon, page, proxy, usePage } from "./browser.ts";
import { connected, contents } from "./help.ts";

declare const ask: (what: string, args: unknown[]) => Promise<unknown>;

usePage("worker-page.ts");

test("in a worker it connects, sends, receives, and comes back after a cut", async () => {
  const dock: string = (await daemon.group("Dock", ["dispatcher", "driver"])).id;
  await post(daemon, dock, "driver", ["old"]);
  const driver = await connected(daemon, "driver");
  const tab = await browser.newPage();
  const faults: string[] = [];
  tab.on("pageerror", (error) => faults.push(error.message));
  await tab.goto(page.url);
  const worker = <T>(what: string, ...args: unknown[]) =>
    tab.evaluate(([what, args]) => ask(what as string, args as unknown[]), [what, args] as const) as Promise<T>;
  const shown = () => worker<string[]>("shown", dock);
  const connection = () => worker<{ state: string; synced: boolean; reason?: string }>("connection");

  expect(await worker("scope")).toEqual(["DedicatedWorkerGlobalScope", "undefined"]);
  await worker("start", proxy.url, daemon.token("dispatcher"), { minDelay: 20, maxDelay: 300 });
  expect(await connection()).toMatchObject({ state: "connected", synced: true });

  // History comes over REST.
  await worker("older", dock);
  expect(await shown()).toEqual(["old sent"]);
  await worker("send", dock, "from the worker");
  await until("it came out", () => contents(driver, dock).includes("from the worker"));
  await driver.channel(dock).send("to the worker");
  await until("it came in", async () => (await shown()).at(-1) === "to the worker sent");
  expect(await shown()).toEqual(["old sent", "from the worker sent", "to the worker sent"]);

  proxy.refuse();
  proxy.cut();
  await until("it knows", async () => (await connection()).state === "connecting");
  await driver.channel(dock).send("missed");
  await worker("send", dock, "waiting");
  await until("it waits", async () => (await shown()).at(-1) === "waiting queued");
  await expect(worker("edit", dock, "now")).rejects.toThrow("offline");
  proxy.accept();
  await until("it is back", async () => (await connection()).synced);
  await until("all is there", async () => (await shown()).at(-1) === "waiting sent");
  expect((await shown()).slice(3)).toEqual(["missed sent", "waiting sent"]);
  await until("it came out", () => contents(driver, dock).at(-1) === "waiting");
  await worker("edit", dock, "no more waiting");
  await until("it changed", () => contents(driver, dock).at(-1) === "no more waiting");
  expect(faults).toEqual([]);
  await tab.close();
});
