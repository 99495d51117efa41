/**
 * Calls of the daemon's REST surface in the user's name.
 *
 * Used by the client and its channels for history, members, edits and the like, and by the application for what the client
 * has no method for. Never retries on its own, but for one fresh token.
 */
import { TenfourError } from "./errors.ts";
import type { Tokens } from "./token.ts";
import type { Via } from "./types.ts";
import { Limit } from "./limits.ts";

export type Rest = ReturnType<typeof rest>;

// Functions and not a class: a browser's own `fetch` does not work as a method of anything but the window.
export function rest(url: string, tokens: Tokens, get: typeof fetch) {
  /** One call with this very token. */
  async function _with<T>(token: string, ms: number, method: string, path: string, body?: unknown, via: Via = get): Promise<T> {
    const init = {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body) as string,
      signal: AbortSignal.timeout(ms),
    };
    const answer = await via(`${url}/api/v1/${path}`, init, get).catch(() => {
      throw new TenfourError("offline", "", true);
    });
    // Where it is not the daemon's, or broke off, there is nothing.
    const said = await answer.json().catch(() => {});
    const { ok, status } = answer;
    if (ok && (said || status === 204)) return said;
    const { code = "unavailable", detail, retryable = status < 400 || status > 499, retryAfterMs } = said || {};
    throw new TenfourError(code, detail, retryable, status, retryAfterMs);
  }

  async function _call<T = unknown>(...call: [method: string, path: string, body?: unknown, via?: Via]): Promise<T> {
    const token = await tokens._current();
    try {
      return await _with<T>(token, Limit.Rest, ...call);
    } catch (error) {
      if ((error as TenfourError).status !== 401) throw error;
      tokens._reject(token);
      return _with(await tokens._current(), Limit.Rest, ...call);
    }
  }

  return { _with, _call };
}
