/**
 * The line to the daemon: one WebSocket after the other, for as long as the client wants to be connected.
 *
 * Used by the client. Knows tokens, back-off and heartbeat, and nothing of channels and messages: these frames go to its
 * hooks. It never sends anything of its own but `ping` and `auth`.
 */
import { delay, MAX_HINT, random } from "./backoff.ts";
import { asError, TenfourError, UnauthorizedError } from "./errors.ts";
import type { Rest } from "./rest.ts";
import type { Tokens } from "./token.ts";
import type { ClientFrame, Connection, Frame, ServerFrame, Socket } from "./types.ts";

export interface Timing {
  minDelay: number;
  maxDelay: number;
  stableAfter: number;
  interval: number;
  timeout: number;
  connectTimeout: number;
}

export interface Hooks {
  /** Before the first byte goes out: whether this token is of the right user. */
  _admit(token: string): Promise<void>;
  _hello(hello: Frame<"hello">): void;
  _frame(frame: ServerFrame): void;
  /** A connection that had said `hello` is gone. */
  _lost(code: number): void;
  _changed(): void;
}

type Timer = ReturnType<typeof setTimeout>;

const IDLE: Connection = { state: "disconnected", synced: false, attempt: 0, retryAt: null, reason: null };
/** How long to stay away after being thrown out for breaking the rate limit. */
const RATE_LIMIT_PAUSE = 5_000;
/** After a refused or failed refresh the next one is tried this much later. */
const REFRESH_PAUSE = 10_000;
/** There is no such channel: who may ask at all gets 404. */
const NOTHING = "/channels/00000000-0000-0000-0000-000000000000";

export class Line {
  _now: Connection = IDLE;
  private _socket: Socket | null = null;
  /** Told apart from what an earlier attempt still brings. */
  private _run = 0;
  private _failures = 0;
  private _since = 0;
  private _hinted: number | null = null;
  private _heard = 0;
  /** One fresh token was asked for because the server refused the last; a second refusal is final. */
  private _refreshed = false;
  private _retry: Timer | undefined;
  private _beat: Timer | undefined;
  private _refresh: Timer | undefined;
  private _listening: AbortController | null = null;

  constructor(
    private readonly _url: string,
    private readonly _Socket: new (url: string, protocols: string[]) => Socket,
    private readonly _tokens: Tokens,
    private readonly _rest: Rest,
    private readonly _timing: Timing,
    private readonly _hooks: Hooks,
  ) {}

  _start(): void {
    if (this._now.state !== "disconnected") return;
    this._failures = 0;
    this._refreshed = false;
    this._listen();
    void this._attempt();
  }

  /** For good, until `_start` is called again. */
  _stop(reason: TenfourError | null = null): void {
    const connected = this._now.state === "connected";
    this._run++;
    this._detach();
    if (connected) this._hooks._lost(0);
    this._listening?.abort();
    this._listening = null;
    this._set({ ...IDLE, reason: reason && { code: reason.code, message: reason.message } });
  }

  _send(frame: ClientFrame): void {
    this._socket?.send(JSON.stringify(frame));
  }

  /** What the application or the server shows to be dead counts as lost, whatever the socket says. */
  _drop(message: string): void {
    this._closed(4000, message);
  }

  _synced(synced: boolean): void {
    if (this._now.state === "connected" && this._now.synced !== synced) this._set({ ...this._now, synced });
  }

  private _set(now: Connection): void {
    this._now = now;
    this._hooks._changed();
  }

  private async _attempt(): Promise<void> {
    const run = ++this._run;
    clearTimeout(this._retry);
    this._set({ ...this._now, state: "connecting", synced: false, retryAt: null });
    let token: string;
    try {
      token = await this._tokens._current();
      if (run === this._run) await this._hooks._admit(token);
    } catch (error) {
      if (run === this._run) this._refused(asError(error, "token_unavailable"));
      return;
    }
    if (run !== this._run) return;
    let socket: Socket;
    try {
      socket = new this._Socket(`${this._url.replace(/^http/, "ws")}/ws`, ["tenfour.v1", `bearer.${token}`]);
    } catch (error) {
      this._stop(asError(error, "invalid_url", false));
      return;
    }
    this._socket = socket;
    this._beat = setTimeout(() => this._drop("no connection in time"), this._timing.connectTimeout);
    socket.onmessage = ({ data }) => {
      if (this._socket !== socket || typeof data !== "string") return;
      this._heard = performance.now();
      this._take(JSON.parse(data) as ServerFrame);
    };
    socket.onclose = ({ code, reason }) => {
      if (this._socket !== socket) return;
      if (this._now.state === "connected" || code !== 1006) this._closed(code, reason);
      else void this._unopened(token);
    };
    socket.onerror = () => {};
  }

  private _take(frame: ServerFrame): void {
    if (frame.type === "hello") {
      if (frame.protocol !== 1) return this._stop(new TenfourError("protocol", `protocol ${frame.protocol}`));
      this._refreshed = false;
      this._hinted = null;
      this._since = performance.now();
      this._pulse();
      this._planRefresh();
      this._now = { ...IDLE, state: "connected" };
      this._hooks._hello(frame);
      this._hooks._changed();
    } else if (this._now.state !== "connected") {
      this._drop("the first frame was not hello");
    } else if (frame.type === "goaway") {
      this._hint(frame.reconnectInMs);
    } else if (frame.type === "error" && frame.ref === "auth") {
      // This token is no better; the old one still counts.
      this._planRefresh(REFRESH_PAUSE);
    } else this._hooks._frame(frame);
  }

  /** When to come back, as the server says. */
  private _hint(ms: number): void {
    this._hinted = Math.min(ms, MAX_HINT);
  }

  private _closed(code: number, message: string): void {
    const connected = this._now.state === "connected";
    this._detach();
    if (connected) this._hooks._lost(code);
    if (code === 4403) return this._stop(new TenfourError("removed", message || "removed by an admin"));
    if (code === 4401) this._tokens._reject(this._tokens._token);
    if (code === 4429) this._hint(RATE_LIMIT_PAUSE);
    this._again(new TenfourError("connection_lost", message || `the connection was lost (${code})`, true));
  }

  /** A browser does not tell why no connection came. REST does. */
  private async _unopened(token: string): Promise<void> {
    const run = this._run;
    this._detach();
    let error: TenfourError = new TenfourError("offline", "no connection", true);
    try {
      await this._rest._with(token, "GET", NOTHING);
    } catch (thrown) {
      error = thrown as TenfourError;
    }
    if (run !== this._run) return;
    if (error.status === 401) {
      this._tokens._reject(token);
      if (this._refreshed) return this._stop(new UnauthorizedError(error.message));
      this._refreshed = true;
      void this._attempt();
      return;
    }
    if (error.retryAfterMs) this._hint(error.retryAfterMs);
    this._again(error.status === 404 ? new TenfourError("offline", "no WebSocket came through", true) : error);
  }

  /** No token, or not the right one. */
  private _refused(error: TenfourError): void {
    if (error.retryable) this._again(error);
    else this._stop(error);
  }

  private _again(reason: TenfourError): void {
    const { minDelay, maxDelay, stableAfter } = this._timing;
    // A connection has to last before the count starts over: a daemon that crashes after each accept is not hammered.
    if (this._since && performance.now() - this._since >= stableAfter) this._failures = 0;
    this._since = 0;
    const wait = this._hinted === null ? delay(this._failures, minDelay, maxDelay, random()) : this._hinted + 500 * random();
    this._failures++;
    this._wait(wait, { code: reason.code, message: reason.message });
  }

  private _wait(ms: number, reason: Connection["reason"]): void {
    clearTimeout(this._retry);
    this._retry = setTimeout(() => {
      this._hinted = null;
      void this._attempt();
    }, ms);
    const attempt = this._failures;
    this._set({ state: "connecting", synced: false, attempt, retryAt: Date.now() + ms, reason });
  }

  private _detach(): void {
    const socket = this._socket as (Socket & { terminate?(): void }) | null;
    this._socket = null;
    for (const timer of [this._retry, this._beat, this._refresh]) clearTimeout(timer);
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close(1000);
    // A line that is dead answers no farewell. Only `ws` can do more than wait for it.
    if (socket.terminate) setTimeout(() => socket.terminate!(), 1_000);
  }

  /** Tests the line once nothing was heard for a while: a browser sees no pings of the protocol's own. */
  private _pulse(): void {
    clearTimeout(this._beat);
    const idle = performance.now() - this._heard;
    const { interval, timeout } = this._timing;
    if (idle >= interval) this._probe(timeout);
    else this._beat = setTimeout(() => this._pulse(), interval - idle + 1);
  }

  private _probe(timeout: number): void {
    clearTimeout(this._beat);
    const asked = performance.now();
    this._send({ type: "ping" });
    this._beat = setTimeout(() => {
      if (this._heard < asked) this._drop("the server does not answer");
      else this._pulse();
    }, timeout);
  }

  private _planRefresh(wait = this._tokens._refreshIn()): void {
    clearTimeout(this._refresh);
    if (wait === null) return;
    this._refresh = setTimeout(() => void this._renew(), Math.min(Math.max(wait, 1_000), 2 ** 31 - 1));
  }

  private async _renew(): Promise<void> {
    const run = this._run;
    try {
      const token = await this._tokens._fresh("expiring");
      if (run !== this._run || this._now.state !== "connected") return;
      await this._hooks._admit(token);
      this._send({ type: "auth", token, ref: "auth" });
      this._planRefresh();
    } catch (thrown) {
      const error = asError(thrown, "token_unavailable");
      if (run !== this._run) return;
      if (error.retryable) this._planRefresh(REFRESH_PAUSE);
      else this._stop(error);
    }
  }

  /** `online` and `visibilitychange` are hints: they may lie, so that they only make us look. */
  private _listen(): void {
    const { signal } = (this._listening = new AbortController());
    const look = () => {
      if (this._now.state === "connected") this._probe(Math.min(5_000, this._timing.timeout));
      else if (this._now.retryAt !== null && this._hinted === null) this._wait(500 * random(), this._now.reason);
    };
    globalThis.addEventListener?.("online", look, { signal });
    globalThis.addEventListener?.("offline", () => this._now.state === "connected" && look(), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look(), {
      signal,
    });
  }
}
