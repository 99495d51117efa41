/**
 * A table whose rows are brought up to date in place. On narrow screens the style sheet shows each row as a block, with
 * the column's name before each cell; the roles are written out since a changed `display` takes them away.
 */

import { button, h, type Kept, keyed, setAttribute, setText } from "./dom.ts";

export interface Column<T> {
  head: string;
  /** A text, or for what is more than a text an element that is kept. */
  cell: ((item: T) => string) | { make: () => Kept<T> };
  /** What the column is sorted by; without it there is no button. */
  by?: (item: T) => number | string;
  /** Numbers stand at the end of their column. */
  numeric?: boolean;
  /** Takes what the others leave. */
  wide?: boolean;
}

export interface Table<T> {
  node: HTMLElement;
  show(items: T[]): void;
  /** The items in the order that was asked for, without changing what was given. What is equal stays as it came. */
  inOrder(items: T[]): T[];
}

function cellOf<T>(column: Column<T>): Kept<T> {
  const props = {
    role: "cell",
    "data-label": column.head,
    class: column.wide ? "wide" : column.numeric ? "number" : null,
  };
  if (typeof column.cell === "function") {
    const of = column.cell;
    const node = h("td", props);
    return { node, update: (item) => setText(node, of(item)) };
  }
  const inner = column.cell.make();
  return { node: h("td", props, inner.node), update: (item) => inner.update(item) };
}

const compare = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `changed` is called when somebody asks for another order; without it there is none to ask for. */
export function table<T>(caption: string, columns: Column<T>[], key: (item: T) => string, changed?: () => void): Table<T> {
  let order: Column<T> | undefined;
  let down = false;
  const sort = (column: Column<T>): void => {
    down = order === column ? !down : column.numeric === true;
    order = column;
    columns.forEach((column, index) => {
      const head = heads[index];
      if (head) setAttribute(head, "aria-sort", column === order ? (down ? "descending" : "ascending") : null);
    });
    changed?.();
  };
  const heads = columns.map((column) => {
    const props = { role: "columnheader", scope: "col", class: column.numeric ? "number" : null };
    if (!column.by || !changed) return h("th", props, column.head);
    return h("th", props, button(column.head, () => sort(column), { class: "sort" }));
  });
  const body = h("tbody", { role: "rowgroup" });
  const set = keyed<T>(body, key, () => {
    const cells = columns.map((column) => cellOf(column));
    const node = h("tr", { role: "row" }, ...cells.map((cell) => cell.node));
    return { node, update: (item) => cells.forEach((cell) => cell.update(item)) };
  });
  const node = h(
    "table",
    { role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
    body,
  );
  return {
    node,
    show: set,
    inOrder: (items) => {
      const by = order?.by;
      return by ? [...items].sort((a, b) => (down ? -1 : 1) * compare(by(a), by(b))) : items;
    },
  };
}
