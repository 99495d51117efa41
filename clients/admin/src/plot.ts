/** A small line plot of the last ten minutes, made of SVG elements. What it shows also stands beside it as text. */

import { setAttribute, svg } from "./dom.ts";
import { APART_MS, type Figure, KEPT_MS, type Point } from "./sampler.ts";

const WIDTH = 300;
const HEIGHT = 48;
/** Room for the line's own width. */
const EDGE = 2;

export interface Plot {
  node: SVGElement;
  draw(points: Point[], now: number): void;
}

/** The smallest of 1, 2, 5, 10, 20 … that is not below the value. */
export function ceiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // A division may leave a trace of what it is not: 0.3 / 0.1.
  const step = [1, 2, 5, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** The line in pieces: it is broken where a reading is missing. */
function runs(points: Point[], figure: Figure, now: number, top: number): [x: string, y: string][][] {
  const all: [string, string][][] = [];
  let last: number | null = null;
  for (const { at, figures } of points) {
    const value = figures[figure];
    if (value === undefined) {
      last = null;
      continue;
    }
    const x = WIDTH * (1 - (now - at) / KEPT_MS);
    const y = HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * Math.min(value, top)) / top;
    const place: [string, string] = [x.toFixed(1), y.toFixed(1)];
    if (last !== null && at - last < APART_MS) all.at(-1)?.push(place);
    else all.push([place]);
    last = at;
  }
  return all;
}

/** The paths of a line and of what lies below it. */
export function paths(points: Point[], figure: Figure, now: number, top: number): { line: string; area: string } {
  const all = runs(points, figure, now, top);
  // A line of no length has round ends, which make a dot of a reading that stands alone.
  const line = all.map((run) => run.map(([x, y], index) => (index === 0 ? `M${x} ${y}h0` : `L${x} ${y}`)).join(""));
  const area = all.map((run) => `M${run[0]?.[0]} ${HEIGHT}${run.map(([x, y]) => `L${x} ${y}`).join("")}V${HEIGHT}Z`);
  return { line: line.join(""), area: area.join("") };
}

/** The first figure is drawn in full, a second one lighter. */
export function plot(figures: readonly Figure[]): Plot {
  const lines = figures.map((_, index) => svg("path", { class: `line line-${index}` }));
  const area = svg("path", { class: "area" });
  const base = svg("path", { class: "base", d: `M0 ${HEIGHT - 0.5}H${WIDTH}` });
  const size = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" };
  // The first figure lies on top.
  const node = svg("svg", { class: "plot", "aria-hidden": "true", ...size }, area, base, ...lines.toReversed());
  return {
    node,
    draw: (points, now) => {
      const values = points.flatMap((point) => figures.map((figure) => point.figures[figure] ?? 0));
      const top = ceiling(values.reduce((most, value) => Math.max(most, value), 0));
      figures.forEach((figure, index) => {
        const drawn = paths(points, figure, now, top);
        const line = lines[index];
        if (line) setAttribute(line, "d", drawn.line);
        if (index === 0) setAttribute(area, "d", drawn.area);
      });
    },
  };
}
