/** What a view is to the shell that shows it. */

import type { Api } from "./api.ts";
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

export const routeTo = (view: string, params: Record<string, string> = {}): string => {
  const query = new URLSearchParams(params).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
};
