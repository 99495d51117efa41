import { describe, expect, it } from "vitest";
import { bytes, count, rate, seconds, span } from "../src/format.ts";
import { ceiling, paths } from "../src/plot.ts";
import { Metrics } from "../src/prom.ts";
import { figuresOf, type Point } from "../src/sampler.ts";
import { concerns } from "../src/views/attention.ts";
import { byMinute } from "../src/views/minutes.ts";
import { claimsOf } from "../src/token.ts";

const reading = (uptime: number, stored: number, more = ""): Metrics =>
  Metrics.parse(`tenfour_uptime_seconds ${uptime}\ntenfour_messages_stored_total ${stored}\n${more}`);

describe("what two readings say", () => {
  it("is a rate by the daemon's own clock", () => {
    expect(figuresOf(reading(12, 130), reading(10, 100)).messages).toBe(15);
  });

  it("has no rate where there is no earlier reading, or the daemon started anew", () => {
    expect(figuresOf(reading(12, 130), null)).not.toHaveProperty("messages");
    expect(figuresOf(reading(1, 5), reading(500, 100))).not.toHaveProperty("messages");
  });

  it("has the times of what came in between, and none where nothing came", () => {
    const times = (few: number, all: number): string =>
      ["0.001", "0.01", "+Inf"]
        .map((le, index) => `tenfour_message_persist_duration_seconds_bucket{le="${le}"} ${[few, all, all][index]}`)
        .join("\n");
    const figures = figuresOf(reading(12, 1, times(10, 20)), reading(10, 1, times(10, 10)));
    expect(figures.persist50).toBeCloseTo(0.0055, 9);
    expect(figuresOf(reading(14, 1, times(10, 20)), reading(12, 1, times(10, 20)))).not.toHaveProperty("persist50");
  });

  it("leaves out what the daemon cannot tell", () => {
    expect(figuresOf(reading(1, 1, "tenfour_outbox_bytes NaN"), null)).not.toHaveProperty("outbox");
  });
});

describe("a plot", () => {
  const at = (age: number, connections?: number): Point => ({
    at: 1_000_000 - age * 1000,
    figures: connections === undefined ? {} : { connections },
  });

  it("is broken where a reading is missing, and a dot where one stands alone", () => {
    const points = [at(60, 1), at(58, 2), at(30, 3), at(28), at(26, 4), at(24, 0)];
    const { line, area } = paths(points, "connections", 1_000_000, 4);
    expect(line.match(/M/g)).toHaveLength(3);
    expect(line.match(/L/g)).toHaveLength(2);
    expect(line).toContain("h0");
    expect(line).not.toMatch(/NaN|undefined|Infinity/);
    expect(area.match(/Z/g)).toHaveLength(3);
  });

  it("ends above what it shows, at a round number", () => {
    expect([0, 1, 3, 7, 12, 49, 50, 51, 0.3, 1e6].map(ceiling)).toEqual([1, 1, 5, 10, 20, 50, 50, 100, 0.5, 1e6]);
  });

  it("is told by the minute, the newest first", () => {
    const minutes = byMinute([at(130, 1), at(70, 2), at(69, 4), at(1, 8)]);
    expect(minutes.map(({ points }) => points.length).reduce((sum, length) => sum + length)).toBe(4);
    expect(minutes.map(({ begin }) => begin)).toEqual(minutes.map(({ begin }) => begin).sort((a, b) => b - a));
  });
});

describe("what needs somebody's attention", () => {
  const of = (text: string, points: Point[] = [], ready: [string, boolean][] = []): string =>
    concerns({ points, metrics: Metrics.parse(text), at: 0, ready: new Map(ready), health: "live", why: "", since: 0 }, null).join(" ");
  const queues = (...queue: number[]): Point[] => queue.map((queue, index) => ({ at: index * 2000, figures: { queue } }));

  it("is nothing while all is well", () => {
    expect(of("tenfour_redis_up 1", queues(1, 2, 3, 2, 3, 4), [["database", true], ["accepting", true]])).toBe("");
  });

  it("is a database that is away, a queue that grows, a room that was started anew, files that run out", () => {
    expect(of("", [], [["database", false]])).toContain("database does not answer");
    expect(of("", queues(1, 2, 3, 4, 5, 6))).toContain("grows: 6");
    expect(of("tenfour_room_restarts_total 1")).toContain("1 room had");
    expect(of("process_open_fds 950\nprocess_max_fds 1000")).toContain("950 of 1,000 files");
  });
});

describe("numbers", () => {
  it("are written with what they are of", () => {
    const sizes = [0, 999, 1010, 1536, 33_394_688, 5 * 1024 ** 3, 5000 * 1024 ** 3];
    expect(sizes.map(bytes)).toEqual(["0 B", "999 B", "0.99 KiB", "1.5 KiB", "31.8 MiB", "5 GiB", "5,000 GiB"]);
    expect([0.00031, 0.0042, 0.0421, 0.9999, 2.5].map(seconds)).toEqual(["0.31 ms", "4.2 ms", "42.1 ms", "1 s", "2.5 s"]);
    expect([5, 65, 3720, 200_000].map(span)).toEqual(["5 s", "1 min", "1 h 2 min", "2 d 7 h"]);
    expect([0, 0.25, 12.34, 1234.5].map(rate)).toEqual(["0", "0.25", "12.3", "1,235"]);
    expect(count(1_234_567)).toBe("1,234,567");
    expect([count(undefined), bytes(NaN), seconds(null), span(undefined)]).toEqual(["–", "–", "–", "–"]);
  });
});

describe("what a token says of itself", () => {
  const token = (claims: object): string => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;

  it("is its name and its end", () => {
    expect(claimsOf(token({ sub: "op", name: "Größe 7 ✓", exp: 1000 }))).toEqual({ name: "Größe 7 ✓", expires: 1_000_000 });
    expect(claimsOf(token({ sub: "op" }))).toEqual({ name: "op", expires: null });
  });

  it("is nothing where it cannot be read", () => {
    for (const bad of ["", "x", "a.b.c", `x.${btoa("[1")}.y`, token([null])]) {
      expect(claimsOf(bad)).toEqual({ name: null, expires: null });
    }
  });
});
