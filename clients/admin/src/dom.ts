/**
 * Making and keeping elements. Text goes in as text nodes only; there is no way here to have it read as HTML, and no
 * inline style, which the page's policy would refuse.
 */

type Value = string | number | boolean | null | undefined | ((event: Event) => void);
export type Props = Record<string, Value>;
export type Child = Node | string | null | undefined;

function fill<E extends Element>(element: E, props: Props, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else setAttribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element. A property that is a function listens to the event of its name. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

export const button = (label: string, click: () => void, props: Props = {}): HTMLButtonElement =>
  h("button", { type: "button", click, ...props }, label);

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/** Sets, or takes away where there is nothing to say; leaves alone what is the same already. */
export function setAttribute(element: Element, name: string, value: Exclude<Value, (event: Event) => void>): void {
  if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Leaves the node alone where nothing changes: selections stay, and live regions stay silent. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** For who would else lose the place where they are. */
export const focusHeading = (): void => document.querySelector("h1")?.focus();

/** Something on the page that is brought up to date instead of made anew, so that focus and selection stay. */
export interface Kept<T> {
  readonly node: Element;
  update(item: T): void;
}

/** The children of an element, one for each item and in the items' order. */
export function keyed<T>(parent: Element, key: (item: T) => string, make: (item: T) => Kept<T>): (items: T[]) => void {
  let kept = new Map<string, Kept<T>>();
  return (items) => {
    const focused = document.activeElement;
    const had = focused !== null && parent.contains(focused);
    const next = new Map<string, Kept<T>>();
    for (const item of items) {
      const id = key(item);
      const entry = kept.get(id) ?? make(item);
      entry.update(item);
      next.set(id, entry);
    }
    for (const [id, entry] of kept) if (!next.has(id)) entry.node.remove();
    let place = parent.firstChild;
    for (const { node } of next.values()) {
      if (node === place) place = place.nextSibling;
      else parent.insertBefore(node, place);
    }
    kept = next;
    // What is moved or goes loses the focus.
    if (had && focused !== document.activeElement) {
      if (parent.contains(focused)) (focused as HTMLElement).focus({ preventScroll: true });
      else focusHeading();
    }
  };
}

/** An element whose text follows the item. */
export function text<T>(of: (item: T) => string, tag: "span" | "bdi" | "code" = "span", props: Props = {}): Kept<T> {
  const node = h(tag, props);
  return { node, update: (item) => setText(node, of(item)) };
}

/** A link whose text and goal follow the item. */
export function link<T>(of: (item: T) => string, href: (item: T) => string, props: Props = {}): Kept<T> {
  const label = h("bdi");
  const node = h("a", props, label);
  return {
    node,
    update: (item) => {
      setText(label, of(item));
      setAttribute(node, "href", href(item));
    },
  };
}

/** Several kept things one after the other in one element. */
export function group<T>(tag: "span" | "div", props: Props, ...parts: Kept<T>[]): Kept<T> {
  const node = h(tag, props, ...parts.map((part) => part.node));
  return { node, update: (item) => parts.forEach((part) => part.update(item)) };
}

/** A list of names and values, which are brought up to date by their names. */
export function terms<T>(
  look: string,
  of: (item: T) => [name: string, value: string, look?: string],
): { node: HTMLElement; show(items: T[]): void } {
  const node = h("dl", { class: look });
  const show = keyed<T>(
    node,
    (item) => of(item)[0],
    () => {
      const [term, place] = [h("dt"), h("dd")];
      return {
        node: h("div", {}, term, place),
        update: (item) => {
          const [name, value, look] = of(item);
          setText(term, name);
          setText(place, value);
          setAttribute(place, "class", look);
        },
      };
    },
  );
  return { node, show };
}
