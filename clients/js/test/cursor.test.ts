/** The cursor alone, against frames that are lost and pages that fill the holes. Prints its seed; SEED=… repeats a run. */
import { expect, test } from "vitest";
import { Cursor } from "../src/cursor.ts";
import type { Frame } from "../src/types.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

function random(seed: number) {
  let state = (seed % 2 ** 32) + 1;
  return (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function page(version: number, more: Partial<Frame<"sync">> = {}): Frame<"sync"> {
  return { type: "sync", channelId: "c", messages: [], memberIds: [], hasMore: false, version, ...more };
}

test("whatever is lost, each version is applied once and in order", () => {
  console.log(`SEED=${SEED}`);
  for (let run = 0; run < 300; run++) {
    const pick = random(SEED + run);
    const cursor = new Cursor();
    cursor._start(0, "e");
    const applied: number[] = [];
    const live = (version: number) =>
      cursor._live({ _version: version, _since: version, _info: false, _apply: () => applied.push(version) });
    const fetch = () => {
      const asked = cursor._version;
      const version = Math.min(head, asked + 1 + pick(20));
      cursor._page(page(version, { hasMore: version < head }), asked, "e", (after) => {
        for (let at = after + 1; at <= version; at++) applied.push(at);
      });
    };
    let head = 0;
    while (head < 400) {
      head++;
      // Lost, told, or told twice.
      const luck = pick(10);
      if (luck > 1) live(head);
      if (luck === 9) live(1 + pick(head));
      if (cursor._behind() && pick(3) === 0) fetch();
    }
    live(head);
    while (cursor._behind()) fetch();
    expect(applied).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
  }
});

test("a frame that covers several versions closes its hole", () => {
  const cursor = new Cursor();
  cursor._start(3, "e");
  const applied: number[] = [];
  const live = (version: number, since = version) =>
    cursor._live({ _version: version, _since: since, _info: false, _apply: () => applied.push(version) });
  live(9);
  live(7, 5);
  expect([applied, cursor._behind()]).toEqual([[], true]);
  live(6, 4);
  expect([applied, cursor._version]).toEqual([[6, 7], 7]);
  live(8);
  expect([applied, cursor._version, cursor._behind()]).toEqual([[6, 7, 8, 9], 9, false]);
});

test("a cursor of another history, or ahead of the server, is asked for and reset", () => {
  for (const [version, epoch] of [[9, "e"], [3, "another"]] as const) {
    const cursor = new Cursor();
    cursor._start(version, epoch);
    cursor._reconnected(5, "e");
    expect(cursor._behind()).toBe(true);
    const applied: string[] = [];
    cursor._live({ _version: 6, _since: 6, _info: false, _apply: () => applied.push("live") });
    cursor._live({ _version: 7, _since: 7, _info: true, _apply: () => applied.push("info") });
    cursor._page(page(5, { reset: true }), version, "e", (after, reset) => applied.push(`${after} ${reset}`));
    // What was shown ahead of its turn went with the rest: it has to come once more. Names and roles come in no page.
    expect([applied, cursor._version, cursor._epoch, cursor._behind()]).toEqual([["info", "0 true"], 5, "e", true]);
    cursor._page(page(7), 5, "e", (after, reset) => applied.push(`${after} ${reset}`));
    expect([applied[2], cursor._version, cursor._behind()]).toEqual(["5 false", 7, false]);
  }
});

test("what is kept beyond the cursor is bounded, and what was dropped is asked for", () => {
  const cursor = new Cursor();
  cursor._start(0, "e");
  let applied = 0;
  for (let version = 2; version <= 1_000; version++) {
    cursor._live({ _version: version, _since: version, _info: false, _apply: () => applied++ });
  }
  cursor._live({ _version: 1, _since: 1, _info: false, _apply: () => applied++ });
  expect([applied, cursor._version, cursor._behind()]).toEqual([257, 257, true]);
  // Ahead of the server every frame seems to continue.
  cursor._start(2_000, "e");
  cursor._reconnected(0, "e");
  for (let version = 1; version <= 1_000; version++) {
    cursor._live({ _version: version, _since: version, _info: false, _apply: () => applied++ });
  }
  expect([applied, cursor["_early"].size]).toEqual([257, 256]);
});
