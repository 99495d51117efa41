/**
 * Fetches what was missed: after each reconnect, and whenever a frame shows a hole.
 *
 * Used by the client. One `sync` is under way at a time, as one history at a time; each channel is asked from its cursor.
 */
import { timer } from "./backoff.ts";
import type { Channel } from "./channel.ts";
import type { Line } from "./line.ts";
import type { Frame } from "./types.ts";
import { Limit } from "./limits.ts";

export class Syncer {
  /** What was asked, less what was answered. */
  private _asked?: Map<string, number> | null;
  private _ref = 0;
  private _progressed?: boolean;
  private _pausing?: boolean;
  /** The pause, or the wait for an answer. */
  private readonly _timer = timer();

  constructor(
    private readonly _line: Line,
    private readonly _channels: ReadonlyMap<string, Channel>,
  ) {}

  /** The connection is gone, and with it the question. */
  _lost(): void {
    this._asked = null;
    this._pausing = false;
    this._timer();
  }

  /** There is nothing to come of this channel. */
  _gone(channelId: string): void {
    if (this._asked?.delete(channelId)) this._progressed = true;
  }

  _page(page: Frame<"sync">): void {
    const { channelId, ref } = page;
    const asked = this._asked?.get(channelId);
    if (asked === undefined || ref !== this._ref) return;
    this._asked!.delete(channelId);
    this._wait();
    if (this._channels.get(channelId)!._page(page, asked)) this._progressed = true;
  }

  _complete({ ref }: Frame<"sync_complete">): void {
    if (ref !== this._ref) return;
    this._lost();
    if (!this._progressed) this._pause(Limit.SyncPause);
  }

  /** True if it was about a `sync`. */
  _refused({ ref, retryAfterMs }: Frame<"error">): boolean {
    if (ref !== this._ref) return false;
    this._lost();
    this._pause(retryAfterMs ?? Limit.SyncRefused);
    return true;
  }

  /** Asks if there is something to ask, and says whether all is held. */
  _pump(): void {
    if (!this._line._connected) return;
    const behind = [...this._channels.values()].filter((channel) => channel._joined && channel._cursor._behind());
    const [first] = behind;
    this._line._synced(!first && !this._asked);
    if (!first || this._asked || this._pausing) return;
    const epoch = first._cursor._epoch;
    const part = behind.filter((channel) => channel._cursor._epoch === epoch).slice(0, Limit.SyncChannels);
    this._asked = new Map(part.map((channel) => [channel.id, channel._cursor._version]));
    this._progressed = false;
    this._line._send({ type: "sync", channels: Object.fromEntries(this._asked), epoch, ref: ++this._ref });
    this._wait();
  }

  private _pause(ms: number): void {
    this._pausing = true;
    this._timer(ms, () => {
      this._pausing = false;
      this._pump();
    });
  }

  private _wait(): void {
    this._timer(Limit.SyncAnswer, () => this._line._drop("no_answer"));
  }
}
