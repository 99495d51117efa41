/**
 * The token of the user: asked for by callback, kept while it is good, replaced before it ends.
 *
 * Used by the line and by REST. "No token for you" (`UnauthorizedError`) and "could not ask" (anything else) stay apart:
 * the first ends the client, the second is tried again.
 */
import { late } from "./backoff.ts";
import { asError, UnauthorizedError } from "./errors.ts";
import type { GetToken } from "./types.ts";
import { Limit } from "./limits.ts";

type Reason = Parameters<GetToken>[0]["reason"];

export class Tokens {
  _token = "";
  /** When it ends, by this device's clock. */
  private _until = 0;
  private _reason: Reason = "connect";
  private _asking?: Promise<string> | null;

  constructor(
    private readonly _get: GetToken,
    private readonly _timeout: number,
  ) {}

  /** The one that is held, or a fresh one where that has ended or was refused. */
  async _current(): Promise<string> {
    return this._token && this._left() > 0 ? this._token : this._fresh(this._reason);
  }

  /** At most one question at a time, whoever asks. */
  _fresh(reason: Reason): Promise<string> {
    return (this._asking ??= this._ask(reason).finally(() => {
      this._asking = null;
    }));
  }

  /** The server refused `token`. */
  _reject(token: string): void {
    if (this._token !== token) return;
    this._token = "";
    this._reason = "rejected";
  }

  /** In how many ms a fresh one should be asked for; infinite where the token says no end. */
  _refreshIn(): number {
    const left = this._left();
    return left - Math.min(Limit.RefreshLead, left / 4);
  }

  private _left(): number {
    return this._until - Date.now();
  }

  private async _ask(reason: Reason): Promise<string> {
    const signal = AbortSignal.timeout(this._timeout);
    try {
      const token = await Promise.race([this._get({ reason, signal }), late(signal)]);
      // Such as the text of a page that says something else: no socket can be made with it, and the next may be one.
      if (!/^([\w-]+\.){2}[\w-]*$/.test(token)) throw "no token";
      const { exp = Infinity, iat = 0 } = claims(token);
      const now = Date.now();
      // A fresh one that seems to have ended shows that this device's clock is wrong: then its length counts.
      this._until = exp * 1000 > now ? exp * 1000 : now + (exp - iat) * 1000;
      this._reason = "expiring";
      return (this._token = token);
    } catch (error) {
      // By name: the application may hold another copy of the class.
      throw (error as Error)?.name === "UnauthorizedError"
        ? new UnauthorizedError((error as Error).message)
        : asError(error, "token_unavailable");
    }
  }
}

/** What a JWT says of itself, in ASCII at least; throws where it is none. The server alone checks it. */
export function claims(token: string): { exp?: number; iat?: number; sub?: string } {
  return JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
}
