/** What needs no browser: where rows are, how messages are grouped, what is a link, how names become initials. */
import type { ChatMessage } from "@tenfour/client";
import { describe, expect, test } from "vitest";
import { hue, initials } from "../src/avatar.ts";
import { condition } from "../src/banner.ts";
import { firstUnread, place, receipt } from "../src/grouping.ts";
import { withoutOlder } from "../src/history.ts";
import { pieces } from "../src/links.ts";
import { outgoing } from "../src/outgoing.ts";
import { english } from "../src/strings.ts";
import { Times } from "../src/time.ts";
import { Virtual } from "../src/virtual.ts";

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `k${from + i}`);

describe("where rows are", () => {
  test("heights are estimates until they are measured", () => {
    const virtual = new Virtual();
    virtual._setItems(keys(10), () => 20);
    expect(virtual._total).toBe(200);
    expect(virtual._measured(3, 50)).toBe(true);
    expect(virtual._measured(3, 50)).toBe(false);
    expect(virtual._total).toBe(230);
    expect(virtual._top(4)).toBe(110);
    expect(virtual._at(109)).toBe(3);
    expect(virtual._at(110)).toBe(4);
  });

  test("what was measured holds when rows come in above", () => {
    const virtual = new Virtual();
    virtual._setItems(keys(10, 50), () => 20);
    virtual._measured(2, 77);
    virtual._setItems(keys(60), () => 20);
    expect(virtual._index("k52")).toBe(52);
    expect(virtual._top(53) - virtual._top(52)).toBe(77);
    expect(virtual._range(0, 100)).toEqual([0, 6]);
    expect(virtual._range(-500, 10_000)).toEqual([0, 60]);
  });

  test("an empty list has no rows", () => {
    const virtual = new Virtual();
    virtual._setItems([], () => 20);
    expect(virtual._range(0, 100)).toEqual([0, 0]);
    expect(virtual._total).toBe(0);
    expect(virtual._index("k1")).toBe(-1);
  });

  test("the row at a height is the one that covers it, whatever the heights are", () => {
    const virtual = new Virtual();
    const heights = Array.from({ length: 2_000 }, (_, i) => 10 + ((i * 7919) % 90) + (i % 3) / 4);
    virtual._setItems(keys(2_000), (i) => heights[i]!);
    let top = 0;
    heights.forEach((height, i) => {
      expect(virtual._top(i)).toBeCloseTo(top, 6);
      expect(virtual._at(top + height / 2)).toBe(i);
      top += height;
    });
  });

  test("keys that are gone are forgotten in time", () => {
    const virtual = new Virtual();
    for (let page = 0; page < 50; page++) {
      virtual._setItems(keys(100, page * 100), () => 20);
      for (let i = 0; i < 100; i++) virtual._measured(i, 30);
    }
    expect((virtual as unknown as { _known: Map<string, number> })._known.size).toBeLessThan(900);
  });
});

const message = (seq: number, of: Partial<ChatMessage> = {}): ChatMessage =>
  ({
    id: `id${seq}`,
    key: `k${seq}`,
    seq,
    senderId: "a",
    mine: false,
    status: "sent",
    createdAt: "2026-03-01T09:00:00.000Z",
    deletedAt: null,
    ...of,
  }) as ChatMessage;

describe("grouping", () => {
  test("a run is of one sender, without long pauses", () => {
    const a = message(1);
    const b = message(2, { createdAt: "2026-03-01T09:00:30.000Z" });
    const c = message(3, { createdAt: "2026-03-01T09:02:30.000Z" });
    const d = message(4, { createdAt: "2026-03-01T09:12:30.000Z" });
    const e = message(5, { createdAt: "2026-03-01T09:12:31.000Z", senderId: "b" });
    expect(place(undefined, a, b, false, false)).toEqual({ day: true, first: true, last: false, time: false });
    expect(place(a, b, c, false, false)).toEqual({ day: false, first: false, last: false, time: true });
    expect(place(b, c, d, false, false)).toEqual({ day: false, first: false, last: true, time: true });
    expect(place(c, d, e, false, false)).toEqual({ day: false, first: true, last: true, time: true });
    expect(place(a, b, c, true, false).first).toBe(true);
    expect(place(a, b, c, false, true).last).toBe(true);
  });

  test("a day begins with a divider", () => {
    const a = message(1, { createdAt: "2026-03-01T12:00:00.000Z" });
    const b = message(2, { createdAt: "2026-03-03T12:00:00.000Z" });
    expect(place(a, b, undefined, false, false)).toEqual({ day: true, first: true, last: true, time: true });
    expect(place(undefined, a, b, false, false).last).toBe(true);
  });

  test("a day begins at midnight of the place, also where that is within an hour of UTC", () => {
    const zone = process.env["TZ"];
    try {
      for (const [place_, before, after] of [
        ["Asia/Kolkata", "2026-03-01T18:29:30.000Z", "2026-03-01T18:30:30.000Z"],
        ["Asia/Kathmandu", "2026-03-01T18:14:59.000Z", "2026-03-01T18:15:00.000Z"],
      ] as const) {
        process.env["TZ"] = place_;
        expect(new Date(after).getHours()).toBe(0);
        const [a, b, c] = [before, after, after].map((createdAt, i) => message(i, { createdAt }));
        expect(place(a, b!, c, false, false).day).toBe(true);
        expect(place(b, c!, undefined, false, false).day).toBe(false);
      }
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  test("what has come above is left out, whatever has come below", () => {
    const list = [message(3), message(4), message(5)];
    const [three, four, five] = list;
    expect(withoutOlder(list, list)).toBe(list);
    expect(withoutOlder([message(1), message(2), ...list], list)).toBe(list);
    expect(withoutOlder([message(1), message(2), ...list, message(6)], list).map(({ seq }) => seq)).toEqual([3, 4, 5, 6]);
    const waiting = message(0, { status: "queued" });
    expect(withoutOlder([message(2), ...list, waiting], list).at(-1)).toBe(waiting);
    // Another history, or one that has lost its beginning.
    expect(withoutOlder([message(1), message(2)], list).map(({ seq }) => seq)).toEqual([1, 2]);
    expect(withoutOlder([four!, five!], [three!, four!, five!])).toEqual([four, five]);
  });

  test("the first unread is by somebody else, not deleted, and stored", () => {
    const list = [
      message(1),
      message(2, { mine: true }),
      message(3, { deletedAt: "2026-03-01T09:00:00.000Z" }),
      message(4),
      message(5),
      message(0, { mine: true, status: "queued" }),
    ];
    expect(firstUnread(list, 1)).toBe(3);
    expect(firstUnread(list, 4)).toBe(4);
    expect(firstUnread(list, 5)).toBe(-1);
    expect(firstUnread([], 0)).toBe(-1);
  });

  test("in a group it is read once everybody has read it", () => {
    const mine = message(7, { mine: true, senderId: "me" });
    const channel = { type: "group", memberIds: ["me", "a", "b"], reads: { a: 7, gone: 9 } } as const;
    expect(receipt(mine, channel)).toEqual({ state: "sent", readers: 1 });
    expect(receipt(mine, { ...channel, reads: { a: 7, b: 8 } })).toEqual({ state: "read", readers: 2 });
    expect(receipt(message(0, { mine: true, status: "failed" }), channel)).toEqual({ state: "failed", readers: 0 });
  });
});

describe("links", () => {
  const links = (content: string) => pieces(content).filter(({ href }) => href).map(({ text }) => text);

  test("are http and https only, and end before the sentence does", () => {
    expect(links("See https://example.com/a?b=c#d, or http://example.com.")).toEqual(["https://example.com/a?b=c#d", "http://example.com"]);
    expect(links("(https://example.com/a_(b))")).toEqual(["https://example.com/a_(b)"]);
    expect(links("javascript:alert(1) data:text/html,x ftp://x.y mailto:a@b.c //evil https://")).toEqual([]);
    expect(links('https://example.com/"onmouseover="x')).toEqual(["https://example.com/"]);
    expect(links("xhttps://example.com")).toEqual([]);
  });

  test("leave the text as it was", () => {
    for (const content of ["", "a", "https://example.com", " x https://a.b/c, https://d.e ", "<b>https://a.b</b>"]) {
      expect(pieces(content).map(({ text }) => text).join("")).toBe(content);
    }
  });

  test("are few enough, and found in good time", () => {
    const content = "http://a.b ".repeat(1_400);
    expect(links(content).length).toBe(200);
    expect(pieces(content).map(({ text }) => text).join("")).toBe(content);
    const started = performance.now();
    pieces(`https://${"(".repeat(16_000)}`);
    pieces(`https://a.b/${")".repeat(8_000)}`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

test("initials are of the first and the last word", () => {
  expect(["Driver 7", "Dispatcher", "Tour 14, north", "  ", "", "!!!", "ärzte haus", "🚚 lorry"].map(initials)).toEqual([
    "D7",
    "D",
    "TN",
    "?",
    "?",
    "?",
    "ÄH",
    "L",
  ]);
  expect(hue("a")).toBe(hue("a"));
});

test("times are of the day, the week or the calendar", () => {
  const times = new Times(english, "en-GB");
  const now = new Date(2026, 2, 10, 15, 0);
  const at = (...date: [number, number, number, number]) => new Date(...date).toISOString();
  expect(times._dayOf(at(2026, 2, 10, 1), now)).toBe("Today");
  expect(times._dayOf(at(2026, 2, 9, 23), now)).toBe("Yesterday");
  expect(times._dayOf(at(2026, 2, 1, 12), now)).toContain("March 2026");
  expect(times._short(at(2026, 2, 10, 9), now)).toBe("09:00");
  expect(times._short(at(2026, 2, 7, 9), now)).toBe("Sat");
  expect(times._short(at(2026, 0, 7, 9), now)).toBe("7 Jan");
  expect(times._seen(at(2026, 2, 10, 14), now)).toBe("Last seen 14:00");
  expect(times._seen(new Date(now.getTime() - 150_000).toISOString(), now)).toBe("Last seen 2 minutes ago");
  // A language that is none does no harm.
  expect(() => new Times(english, "not a language")).not.toThrow();
});

test("the banner knows the states of the connection", () => {
  const connection = { state: "connecting", synced: false, attempt: 1, retryAt: null, reason: null } as const;
  expect(condition(connection)).toBe("connecting");
  expect(condition({ ...connection, retryAt: 5 })).toBe("waiting");
  expect(condition({ ...connection, state: "connected" })).toBe("catching-up");
  expect(condition({ ...connection, state: "connected", synced: true })).toBe("good");
  expect(condition({ ...connection, state: "disconnected" })).toBe("stopped");
});

test("the module can be loaded where there are no elements", async () => {
  expect(globalThis.HTMLElement).toBeUndefined();
  const { TenfourChat } = await import("../src/index.ts");
  expect(TenfourChat.observedAttributes).toContain("channel");
});

test("sizes are said as people say them, in the language of the page", () => {
  const times = new Times(english, "en");
  expect([0, 1, 1023, 1024, 1536, 10 * 1024, 10 * 1024 * 1024, 5 * 1024 ** 3].map((bytes) => times._size(bytes))).toEqual([
    "0 bytes",
    "1 byte",
    "1,023 bytes",
    "1 kB",
    "1.5 kB",
    "10 kB",
    "10 MB",
    "5 GB",
  ]);
  expect(new Times(english, "de")._size(1536)).toBe("1,5 kB");
});

test("a draft goes out with what it has, and no more", () => {
  const now = Date.parse("2026-03-01T09:00:00.000Z");
  expect(outgoing({ text: " one " }, now)).toEqual({ content: "one" });
  expect(outgoing({ text: "one", files: [], ask: 0 }, now)).toEqual({ content: "one", instruction: {} });
  const reply = { id: "m1", mine: false, senderName: "Driver", content: "?" };
  expect(outgoing({ text: "one", reply, ask: 30 }, now)).toEqual({
    content: "one",
    replyToId: "m1",
    instruction: { deadline: "2026-03-01T09:30:00.000Z" },
  });
  const drivers = ["Driver", "Driver 1", "Driver 12"].map((name) => ({ id: name, name }));
  for (const { name } of drivers) expect(outgoing({ text: `@${name}, come`, mentions: drivers }, now).mentionIds).toEqual([name]);
  expect(outgoing({ text: "@Driver 12", mentions: drivers.slice(1, 2) }, now)).toEqual({ content: "@Driver 12" });
  const mentions = [{ id: "a", name: "Ann" }, { id: "b", name: "Bob" }, { id: "a", name: "Ann" }];
  expect(outgoing({ text: "@Ann, come", ask: 0, mentions }, now)).toEqual({ content: "@Ann, come", mentionIds: ["a"], instruction: { assigneeIds: ["a"] } });
});
