/**
 * A line that can be cut: what a client is given as its WebSocket and its `fetch`.
 *
 * Cut, it is a dead radio link. Nothing passes in either direction, nobody is told, and a new connection is refused. The
 * client has to find that out by itself, as it would on the road. What was open when the line was cut never speaks again.
 */
import type { Options } from "@tenfour/client";

type Sockets = NonNullable<Options["WebSocket"]>;
type Socket = InstanceType<Sockets>;

/** How long a new connection takes to be refused. */
const REFUSED_AFTER = 300;

export interface Line {
  readonly WebSocket: Sockets;
  readonly fetch: typeof fetch;
  readonly isCut: boolean;
  cut(): void;
  restore(): void;
}

export function line(): Line {
  let isCut = false;
  /** Ends what was under way at a cut. */
  let period = new AbortController();
  /** Sockets that a cut has silenced, and whose client does not know. */
  const silenced = new Set<LineSocket>();

  class LineSocket implements Socket {
    onmessage: Socket["onmessage"] = null;
    onclose: Socket["onclose"] = null;
    onerror: Socket["onerror"] = null;
    private real: WebSocket | null = null;
    private isDead = isCut;

    constructor(url: string, protocols: string[]) {
      if (isCut) {
        setTimeout(() => this.end(), REFUSED_AFTER);
        return;
      }
      const real = (this.real = new WebSocket(url, protocols));
      real.onmessage = ({ data }) => this.isDead || this.onmessage?.({ data });
      real.onclose = ({ code, reason }) => this.isDead || this.onclose?.({ code, reason });
      period.signal.addEventListener("abort", () => {
        if (real.readyState > WebSocket.OPEN) return;
        this.isDead = true;
        silenced.add(this);
      });
    }

    send(data: string): void {
      if (!this.isDead) this.real?.send(data);
    }

    /** The daemon gets to know it at this moment too: a page cannot keep the browser from answering its pings. */
    close(code?: number, reason?: string): void {
      silenced.delete(this);
      this.real?.close(code, reason);
    }

    end(): void {
      this.real?.close();
      this.onclose?.({ code: 1006, reason: "" });
    }
  }

  return {
    WebSocket: LineSocket,
    fetch: async (input, init = {}) => {
      if (isCut) throw new TypeError("the line is cut");
      const { signal } = period;
      return fetch(input, { ...init, signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal });
    },
    get isCut() {
      return isCut;
    },
    cut() {
      isCut = true;
      period.abort(new TypeError("the line is cut"));
    },
    restore() {
      isCut = false;
      period = new AbortController();
      for (const socket of silenced) socket.end();
      silenced.clear();
      // What a browser says when its network is back. Clients take it as a hint.
      dispatchEvent(new Event("online"));
    },
  };
}
