import { describe, expect, it } from "vitest";
import { Metrics, quantile } from "../src/prom.ts";

describe("the reader of the metrics", () => {
  const text = [
    "# HELP tenfour_connections Open WebSocket connections.",
    "# TYPE tenfour_connections gauge",
    "tenfour_connections 3",
    'tenfour_build_info{version="0.1.0"} 1',
    'tenfour_connections_closed_total{reason="1006"} 2',
    'tenfour_connections_closed_total{reason="4403"} 5',
    "tenfour_outbox_bytes NaN",
    "process_resident_memory_bytes 3.3394688e7 1764360000",
    'odd{a="with \\"quotes\\", a } and a \\\\",b="two\\nlines"} -0.5',
    'odd_bucket{le="+Inf"} 1 # {trace="x"} 0.67 1.5',
    "this is no sample{",
    "",
    "# EOF",
  ].join("\n");
  const metrics = Metrics.parse(text);

  it("reads values, sums up labels, and knows what is not there", () => {
    expect(metrics.value("connections")).toBe(3);
    expect(metrics.value("connections_closed_total")).toBe(7);
    expect(metrics.value("process_resident_memory_bytes")).toBe(33_394_688);
    expect(metrics.value("outbox_bytes")).toBeNull();
    expect(metrics.value("nothing")).toBeNull();
  });

  it("reads labels, with what is escaped in them", () => {
    expect(metrics.label("build_info", "version")).toBe("0.1.0");
    expect(metrics.label("odd", "a")).toBe('with "quotes", a } and a \\');
    expect(metrics.label("odd", "b")).toBe("two\nlines");
    expect(metrics.value("odd")).toBe(-0.5);
    expect(metrics.by("connections_closed_total", "reason")).toEqual([
      ["4403", 5],
      ["1006", 2],
    ]);
  });

  it("leaves out exemplars and what cannot be read", () => {
    expect(metrics.buckets("odd")).toEqual([[Infinity, 1]]);
    expect(metrics.value("this")).toBeNull();
    expect(Metrics.parse("").value("connections")).toBeNull();
  });

  it("puts buckets in order, whatever the order they come in", () => {
    const lines = ['t_bucket{le="+Inf"} 4', 't_bucket{le="0.5"} 3', 't_bucket{le="0.01"} 1'].join("\n");
    expect(Metrics.parse(lines).buckets("t")).toEqual([
      [0.01, 1],
      [0.5, 3],
      [Infinity, 4],
    ]);
  });
});

describe("quantiles", () => {
  const bounds = [0.001, 0.01, 0.1, Infinity];
  const buckets = (...counts: number[]): [number, number][] => bounds.map((bound, index) => [bound, counts[index] ?? 0]);

  it("lie evenly within a bucket", () => {
    expect(quantile(0.5, buckets(0, 100, 100, 100))).toBeCloseTo(0.0055, 9);
    expect(quantile(0.5, buckets(100, 100, 100, 100))).toBeCloseTo(0.0005, 9);
    expect(quantile(0.99, buckets(50, 50, 100, 100))).toBeCloseTo(0.01 + 0.09 * 0.98, 9);
    expect(quantile(1, buckets(0, 0, 7, 7))).toBeCloseTo(0.1, 9);
  });

  it("count what came since the earlier reading only", () => {
    const earlier = buckets(1000, 1000, 1000, 1000);
    expect(quantile(0.5, buckets(1000, 1000, 1010, 1010), earlier)).toBeCloseTo(0.055, 9);
  });

  it("are the last bound where they lie above it", () => {
    expect(quantile(0.99, buckets(0, 0, 50, 100))).toBe(0.1);
  });

  it("are none where nothing was counted, or the daemon started anew", () => {
    expect(quantile(0.5, buckets(5, 5, 5, 5), buckets(5, 5, 5, 5))).toBeNull();
    expect(quantile(0.5, buckets(1, 2, 3, 4), buckets(5, 6, 7, 8))).toBeNull();
    expect(quantile(0.5, [])).toBeNull();
  });

  it("never leave the bounds, and grow with what is asked for", () => {
    // Every histogram of four buckets with up to three in each.
    for (let code = 1; code < 4 ** 4; code += 1) {
      let sum = 0;
      const counts = [0, 1, 2, 3].map((place) => (sum += Math.floor(code / 4 ** place) % 4));
      let last = 0;
      for (const q of [0.01, 0.5, 0.9, 0.99, 1]) {
        const found = quantile(q, buckets(...counts));
                expect(found).toBeGreaterThanOrEqual(last);
        expect(found).toBeLessThanOrEqual(0.1);
        last = found;
      }
    }
  });
});
