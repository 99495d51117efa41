/**
 * A table whose rows are brought up to date in place. On narrow screens the style sheet shows each row as a block, with
 * the column's name before each cell; the roles are written out since a changed `display` takes them away.
 */

import { h, type Kept, keyed, setAttribute, setText } from "./dom.ts";

export interface Column<T> {
  head: string;
  /** A text, or for what is more than a text an element that is kept. */
  cell: ((item: T) => string) | { make: () => Kept<T> };
  /** What the column is sorted by; without it there is no button. */
  by?: (item: T) => number | string;
  /** Numbers stand at the end of their column. */
  numeric?: boolean;
  wide?: boolean;
}

export interface Order {
  column: number;
  down: boolean;
}

export interface Table<T> {
  node: HTMLElement;
  show(items: T[], order: Order | null): void;
}

function cellOf<T>(column: Column<T>): Kept<T> {
  const props = {
    role: "cell",
    "data-label": column.head,
    class: [column.numeric && "number", column.wide && "wide"].filter(Boolean).join(" ") || null,
  };
  if (typeof column.cell === "function") {
    const of = column.cell;
    const node = h("td", props);
    return { node, update: (item) => setText(node, of(item)) };
  }
  const inner = column.cell.make();
  return { node: h("td", props, inner.node), update: (item) => inner.update(item) };
}

export function table<T>(
  caption: string,
  columns: Column<T>[],
  key: (item: T) => string,
  sorted?: (column: number) => void,
  look: "stacks" | "grid" = "stacks",
): Table<T> {
  const heads = columns.map((column, index) => {
    const props = { role: "columnheader", scope: "col", class: column.numeric ? "number" : null };
    if (!column.by || !sorted) return h("th", props, column.head);
    return h("th", props, h("button", { type: "button", class: "sort", click: () => sorted(index) }, column.head));
  });
  const body = h("tbody", { role: "rowgroup" });
  const set = keyed<T>(body, key, () => {
    const cells = columns.map((column) => cellOf(column));
    const node = h("tr", { role: "row" }, ...cells.map((cell) => cell.node));
    return { node, update: (item) => cells.forEach((cell) => cell.update(item)) };
  });
  const node = h(
    "table",
    { role: "table", class: look },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
    body,
  );
  return {
    node,
    show: (items, order) => {
      set(items);
      heads.forEach((head, index) => {
        const direction = order?.column === index ? (order.down ? "descending" : "ascending") : null;
        setAttribute(head, "aria-sort", direction);
      });
    },
  };
}

/** The items in an order, without changing what was given. What is equal stays as it came. */
export function inOrder<T>(items: T[], columns: Column<T>[], order: Order | null): T[] {
  const by = order && columns[order.column]?.by;
  if (!by) return items;
  const sign = order.down ? -1 : 1;
  const compare = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...items].sort((a, b) => sign * compare(by(a), by(b)));
}
