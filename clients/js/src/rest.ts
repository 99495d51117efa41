/**
 * Calls of the daemon's REST surface in the user's name.
 *
 * Used by channels for history, members, edits and the like. Never retries on its own, but for one fresh token.
 */
import { TenfourError } from "./errors.ts";
import type { Tokens } from "./token.ts";
import { Limit } from "./limits.ts";

export class Rest {
  constructor(
    private readonly _url: string,
    private readonly _tokens: Tokens,
    private readonly _get: typeof fetch,
  ) {}

  async _call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = await this._tokens._current();
    try {
      return await this._with<T>(token, method, path, body);
    } catch (error) {
      if ((error as TenfourError).status !== 401) throw error;
      this._tokens._reject(token);
      return this._with(await this._tokens._current(), method, path, body);
    }
  }

  /** One call with this very token. */
  async _with<T>(token: string, method: string, path: string, body?: unknown, ms: number = Limit.Rest): Promise<T> {
    // Not as a method: a browser's own does not work on anything but the window.
    const call = (0, this._get)(`${this._url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body) as string,
      signal: AbortSignal.timeout(ms),
    });
    const answer = await call.catch(() => {
      throw new TenfourError("offline", "", true);
    });
    // Where it is not the daemon's, or broke off, there is nothing.
    const said = await answer.json().catch(() => {});
    const { ok, status } = answer;
    if (ok && (said || status === 204)) return said;
    const { code = "unavailable", detail, retryable = status < 400 || status > 499, retryAfterMs } = said || {};
    throw new TenfourError(code, detail, retryable, status, retryAfterMs);
  }
}
