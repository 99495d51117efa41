/**
 * The line to the daemon: one WebSocket after the other, for as long as the client wants to be connected.
 *
 * Used by the client. Knows tokens, back-off and heartbeat, and nothing of channels and messages: these frames go to its
 * hooks. It never sends anything of its own but `ping` and `auth`.
 */
import { delay, timer } from "./backoff.ts";
import { asError, TenfourError } from "./errors.ts";
import type { Rest } from "./rest.ts";
import type { Tokens } from "./token.ts";
import type { ClientFrame, Connection, Frame, ServerFrame, Socket } from "./types.ts";
import { Limit } from "./limits.ts";

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

const IDLE: Connection = { state: "disconnected", synced: false, attempt: 0, retryAt: null, reason: null };

export class Line {
  _now = IDLE;
  _connected = false;
  private _socket: Socket | null = null;
  /** Told apart from what an earlier attempt still brings. */
  private _run = 0;
  private _failures = 0;
  /** Since when it is connected. */
  private _since = Infinity;
  /** When to come back, as the server says; 0 where it does not. */
  private _hinted = 0;
  private _heard = 0;
  /** One fresh token was asked for because the server refused the last; a second refusal is final. */
  private _refreshed = false;
  private readonly _retry = timer();
  private readonly _beat = timer();
  private readonly _refresh = timer();
  private _listening = new AbortController();

  constructor(
    private readonly _url: string,
    private readonly _sockets: new (url: string, protocols: string[]) => Socket,
    private readonly _tokens: Tokens,
    private readonly _ask: Rest["_with"],
    private readonly _timing: Timing,
    private readonly _hooks: Hooks,
  ) {}

  _start(): void {
    if (this._now.state !== "disconnected") return;
    // Node 20 has none of its own.
    if (!this._sockets) return this._stop(new TenfourError("no_websocket"));
    this._failures = 0;
    this._refreshed = false;
    const { signal } = (this._listening = new AbortController());
    // What the browser says of the network and the page is a hint: it may lie, so that it only makes us look.
    const look = () => {
      if (this._connected) this._probe();
      else if (this._now.retryAt && !this._hinted) this._wait(500 * Math.random(), this._now.reason);
    };
    // The last one bubbles from the document; a worker has none.
    for (const name of ["online", "offline", "visibilitychange"]) globalThis.addEventListener?.(name, look, { signal });
    void this._attempt();
  }

  /** For good, until `_start` is called again. */
  _stop(error?: TenfourError): void {
    this._listening.abort();
    this._detach();
    this._set({ ...IDLE, reason: error ?? null });
  }

  /** False while there is no connection. */
  _send(frame: ClientFrame): boolean {
    if (this._connected) this._socket?.send(JSON.stringify(frame));
    return this._connected;
  }

  /** What shows itself to be dead counts as lost, whatever the socket says. */
  _drop(code: string): void {
    if (!this._socket) return;
    this._detach();
    this._again(new TenfourError(code));
  }

  _synced(synced: boolean): void {
    if (this._now.synced !== synced) this._set({ ...this._now, synced });
  }

  private _set(now: Connection): void {
    this._now = now;
    this._connected = now.state === "connected";
    this._hooks._changed();
  }

  private async _attempt(): Promise<void> {
    const run = ++this._run;
    this._set({ ...this._now, state: "connecting", retryAt: null });
    try {
      const token = await this._tokens._current();
      if (run !== this._run) return;
      await this._hooks._admit(token);
      if (run === this._run) this._open(token);
    } catch (error) {
      if (run === this._run) this._refused(error);
    }
  }

  private _open(token: string): void {
    const socket = new this._sockets(`${this._url.replace(/^http/, "ws")}/ws`, ["tenfour.v1", `bearer.${token}`]);
    this._socket = socket;
    this._beat(this._timing.connectTimeout, () => this._drop("timeout"));
    socket.onmessage = ({ data }) => {
      this._heard = performance.now();
      let frame: ServerFrame | null = null;
      try {
        frame = JSON.parse(data as string);
      } catch {}
      if (!frame) return this._drop("protocol");
      if (frame.type === "hello") {
        if (frame.protocol !== 1) return this._stop(new TenfourError("protocol"));
        this._refreshed = false;
        this._hinted = 0;
        this._since = performance.now();
        this._pulse();
        this._planRefresh();
        this._hooks._hello(frame);
        this._set({ ...IDLE, state: "connected" });
      } else if (frame.type === "goaway") {
        this._hinted = frame.reconnectInMs;
      } else if (frame.type === "error" && frame.ref === "auth") {
        // This token is no better; the old one still counts.
        this._planRefresh(Limit.RefreshPause);
      } else this._hooks._frame(frame);
    };
    socket.onclose = ({ code, reason }) => {
      const early = !this._connected && code === 1006;
      this._detach(code);
      if (early) return void this._unopened(token);
      if (code === 4403) return this._stop(new TenfourError("removed", reason));
      if (code === 4401) this._tokens._reject(this._tokens._token);
      if (code === 4429) this._hinted = Limit.RatePause;
      this._again(new TenfourError("connection_lost", reason));
    };
    socket.onerror = () => {};
  }

  /** A browser does not tell why no connection came. REST does, by what it says to a call for nothing. */
  private async _unopened(token: string): Promise<void> {
    const run = this._run;
    const offline = () => new TenfourError("offline");
    const error = await this._ask(token, Limit.Probe, "GET", "channels/0").then(offline, (thrown: TenfourError) => thrown);
    if (run !== this._run) return;
    if (error.status === 401) {
      this._tokens._reject(token);
      if (this._refreshed) return this._stop(error);
      this._refreshed = true;
      return void this._attempt();
    }
    this._hinted = error.retryAfterMs ?? 0;
    this._again(error.retryable ? error : offline());
  }

  /** No token, or not one to go on with. */
  private _refused(thrown: unknown): void {
    const error = asError(thrown, "failed");
    if (error.retryable) this._again(error);
    else this._stop(error);
  }

  private _again(error: TenfourError): void {
    const { minDelay, maxDelay, stableAfter } = this._timing;
    // A connection has to last before the count starts over: a daemon that crashes after each accept is not hammered.
    if (performance.now() - this._since >= stableAfter) this._failures = 0;
    this._since = Infinity;
    const ms = this._hinted ? Math.min(this._hinted, Limit.Hint) + 500 * Math.random() : delay(this._failures, minDelay, maxDelay);
    this._failures++;
    this._wait(ms, error);
  }

  private _wait(ms: number, reason: Connection["reason"]): void {
    this._retry(ms, () => {
      this._hinted = 0;
      void this._attempt();
    });
    this._set({ ...IDLE, state: "connecting", attempt: this._failures, retryAt: Date.now() + ms, reason });
  }

  /** Lets go of the socket, whatever it does from now on. */
  private _detach(code = 0): void {
    const socket = this._socket as (Socket & { terminate?(): void }) | null;
    this._run++;
    this._socket = null;
    this._retry();
    this._beat();
    this._refresh();
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    // A line that is dead answers no farewell, and only `ws` can do more than wait for it.
    if (socket.terminate) setTimeout(() => socket.terminate!(), 1_000);
    if (this._connected) this._hooks._lost(code);
  }

  /** Tests the line once nothing was heard for a while: a browser sees no pings of the protocol's own. */
  private _pulse(): void {
    const left = this._heard + this._timing.interval - performance.now();
    if (left > 0) this._beat(left + 1, () => this._pulse());
    else this._probe();
  }

  private _probe(): void {
    const asked = performance.now();
    this._send({ type: "ping" });
    this._beat(this._timing.timeout, () => {
      if (this._heard < asked) this._drop("no_answer");
      else this._pulse();
    });
  }

  private _planRefresh(ms = this._tokens._refreshIn()): void {
    if (ms < Infinity) this._refresh(Math.min(Math.max(ms, 1_000), 2 ** 31 - 1), () => void this._renew());
  }

  private async _renew(): Promise<void> {
    const run = this._run;
    try {
      const token = await this._tokens._fresh("expiring");
      if (run !== this._run) return;
      await this._hooks._admit(token);
      this._send({ type: "auth", token, ref: "auth" });
      this._planRefresh();
    } catch (error) {
      if (run !== this._run) return;
      if (asError(error, "").retryable) this._planRefresh(Limit.RefreshPause);
      else this._refused(error);
    }
  }
}
