/** What the daemon says of something, field by field, whatever the fields are: a newer daemon may say more. */

import { terms } from "./dom.ts";
import { bytes, count, moment, NONE, rate } from "./format.ts";
import type { Json } from "./types.ts";

export type Fields = { [name: string]: Json | undefined };
export type Pair = [name: string, value: Json | undefined];

export const isFields = (value: Json | undefined): value is { [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `waitingSends` as `waiting sends`. */
export const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export function written(name: string, value: Json | undefined): string {
  if (typeof value === "number") return name.startsWith("bytes") ? bytes(value) : name.endsWith("Second") ? rate(value) : count(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return /^\d{4}-\d\d-\d\dT/.test(value) ? moment(value) : value;
  if (Array.isArray(value)) return value.map((item) => written(name, item)).join(", ") || NONE;
  return value ? JSON.stringify(value) : NONE;
}

export function fields(): { node: HTMLElement; show(fields: object): void } {
  const { node, show } = terms<Pair>("facts", ([name, value]) => [words(name), written(name, value)]);
  return { node, show: (of) => show(Object.entries(of)) };
}
