/** What a view is to the shell that shows it. */

import type { Api } from "./api.ts";
import { h } from "./dom.ts";
import type { Reading } from "./sampler.ts";

export interface Context {
  api: Api;
  /** What stands behind the route: `#/sessions?user=…`. */
  params: URLSearchParams;
  /** Writes other parameters into the address, without a new entry in the history. */
  keep(params: Record<string, string>): void;
  /** Asks anew at once. */
  refresh(): void;
  /** Says something to who does not see the page. */
  say(text: string): void;
}

export interface View {
  title: string;
  node: HTMLElement;
  /** Brings the view up to date. What it throws is shown by the shell. */
  refresh(signal: AbortSignal): Promise<void>;
  everyMs(): number;
  /** The sampler has read the metrics. */
  sampled?(reading: Reading): void;
}

export type Open = (context: Context) => View;

/** Terms and what they are, each brought up to date by `show`. */
export function facts<T>(
  terms: [term: string, of: (item: T) => string | Node][],
): { node: HTMLElement; show(item: T): void } {
  const places = terms.map(([, of]) => ({ of, node: h("dd") }));
  const rows = terms.map(([term], index) => h("div", {}, h("dt", {}, term), places[index]?.node));
  return {
    node: h("dl", { class: "facts" }, ...rows),
    show: (item) => {
      for (const { of, node } of places) {
        const now = of(item);
        if (typeof now !== "string") {
          if (!node.firstChild?.isEqualNode(now)) node.replaceChildren(now);
        } else if (node.textContent !== now || node.firstElementChild) node.replaceChildren(now);
      }
    },
  };
}

export const routeTo = (view: string, params: Record<string, string> = {}): string => {
  const query = new URLSearchParams(params).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
};
