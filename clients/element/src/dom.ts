/**
 * Making and changing nodes: the only place where elements are created.
 *
 * Used by every view. Text goes in as text nodes, never as HTML, and style goes in by classes or single properties of the
 * CSSOM, so that a page may forbid inline script and style.
 */
type Listener = (event: never) => void;
export type Props = Record<string, string | number | boolean | null | undefined | Listener>;
export type Child = Node | string | null | undefined | false;

/** An element. A function is a listener (`onclick`), everything else an attribute; null and false leave it out. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  // Without a word it would be one that submits.
  if (tag === "button") attr(element, "type", tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as unknown as EventListener);
    else attr(element, name, value);
  }
  for (const child of children) if (child || child === "") element.append(child);
  return element;
}

/** Sets an attribute where it differs; null, undefined and false take it away. */
export function attr(element: Element, name: string, value: string | number | boolean | null | undefined): void {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : String(value));
}

/** Sets the text where it differs: what is unchanged is not read out again, and a selection in it stays. */
export function text(element: Element, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

/** Puts children into an order with as few moves as possible; the focus stays with what is moved. */
export function arrange(parent: Element, nodes: readonly Element[]): void {
  const active = focused(parent) as HTMLElement | null;
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  if (active && active !== focused(parent) && parent.contains(active)) active.focus({ preventScroll: true });
}

/** Calls once with the next frame, however often it is asked; in a hidden page, which has no frames, by a timer. */
export function scheduler(work: () => void): { _ask: () => void; _stop: () => void } {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = 0;
    timer = undefined;
  };
  const run = () => {
    stop();
    work();
  };
  return {
    _ask() {
      if (frame || timer !== undefined) return;
      if (document.hidden) timer = setTimeout(run, 100);
      else {
        frame = requestAnimationFrame(run);
        // A page that is hidden meanwhile gets no frame.
        timer = setTimeout(run, 1_000);
      }
    },
    _stop: stop,
  };
}

/** The focused element inside of the same shadow root. */
export function focused(within: Node): Element | null {
  return (within.getRootNode() as ShadowRoot | Document).activeElement;
}
