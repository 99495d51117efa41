/**
 * The token of the user: asked for by callback, kept while it is good, replaced before it ends.
 *
 * Used by the line and by REST. "No token for you" (`UnauthorizedError`) and "could not ask" (anything else) stay apart:
 * the first ends the client, the second is tried again.
 */
import { asError, TenfourError, UnauthorizedError } from "./errors.ts";
import type { GetToken } from "./types.ts";

type Reason = Parameters<GetToken>[0]["reason"];

/** A fresh one is asked for this long before the end, or a quarter of what is left. */
const LEAD = 60_000;

export class Tokens {
  _token: string | null = null;
  /** The server did not take the one that was held. */
  _rejected = false;
  private _asking: Promise<string> | null = null;

  constructor(
    private readonly _get: GetToken,
    private readonly _timeout: number,
  ) {}

  /** The one that is held, or a fresh one where that has ended or was refused. */
  _current(): Promise<string> {
    const token = this._token;
    if (token !== null && (claims(token).exp ?? Infinity) * 1000 > Date.now()) return Promise.resolve(token);
    return this._fresh(this._rejected ? "rejected" : token ? "expiring" : "connect");
  }

  /** At most one question at a time, whoever asks. */
  _fresh(reason: Reason): Promise<string> {
    this._asking ??= this._ask(reason).finally(() => {
      this._asking = null;
    });
    return this._asking;
  }

  /** The server refused `token`. */
  _reject(token: string | null): void {
    if (this._token !== token) return;
    this._token = null;
    this._rejected = true;
  }

  /** In how many ms a fresh one should be asked for; null where the token says no end. */
  _refreshIn(): number | null {
    const { exp } = claims(this._token ?? "");
    if (!exp) return null;
    const left = Math.max(0, exp * 1000 - Date.now());
    return left - Math.min(LEAD, left / 4);
  }

  private async _ask(reason: Reason): Promise<string> {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, failed) => {
      timer = setTimeout(() => {
        abort.abort();
        failed(new TenfourError("token_unavailable", "no token came in time", true));
      }, this._timeout);
    });
    try {
      const token = await Promise.race([this._get({ reason, signal: abort.signal }), late]);
      if (typeof token !== "string") throw new TypeError("getToken gave no text");
      this._token = token;
      this._rejected = false;
      return token;
    } catch (error) {
      // By name: the application may hold another copy of the class.
      if ((error as Error | null)?.name === "UnauthorizedError") throw new UnauthorizedError((error as Error).message);
      throw asError(error, "token_unavailable");
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What a JWT says of itself; nothing where it is none. The server alone checks it. */
export function claims(token: string): { exp?: number; sub?: string } {
  try {
    const text = atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (char) => char.charCodeAt(0))));
  } catch {
    return {};
  }
}
