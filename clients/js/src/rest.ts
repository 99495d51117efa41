/**
 * Calls of the daemon's REST surface in the user's name.
 *
 * Used by channels for history, members, edits and the like. Never retries on its own, but for one fresh token.
 */
import { TenfourError } from "./errors.ts";
import type { Tokens } from "./token.ts";
import type { components } from "./types.gen.ts";

export class Rest {
  constructor(
    private readonly _url: string,
    private readonly _tokens: Tokens,
    private readonly _fetch: typeof fetch,
  ) {}

  async _call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = await this._tokens._current();
    try {
      return await this._with<T>(token, method, path, body);
    } catch (error) {
      if ((error as TenfourError).status !== 401) throw error;
      this._tokens._reject(token);
      return this._with<T>(await this._tokens._current(), method, path, body);
    }
  }

  /** One call with this very token. */
  async _with<T>(token: string, method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(15_000) };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    let answer: Response;
    let text: string;
    try {
      answer = await this._fetch(`${this._url}/api/v1${path}`, init);
      text = await answer.text();
    } catch (error) {
      throw new TenfourError("offline", (error as Error).message, true);
    }
    if (answer.ok) return (text ? JSON.parse(text) : undefined) as T;
    throw problem(answer.status, text);
  }
}

/** The server's problem body, or what a proxy in between made of it. */
function problem(status: number, text: string): TenfourError {
  try {
    const { code, detail, retryable, retryAfterMs } = JSON.parse(text) as components["schemas"]["Problem"];
    if (code) return new TenfourError(code, detail, retryable, status, retryAfterMs ?? undefined);
  } catch {
    // Not ours.
  }
  return new TenfourError("unavailable", `the server answered ${status}`, status > 499 || status === 429, status);
}
