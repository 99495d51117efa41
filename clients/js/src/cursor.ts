/**
 * How much of a channel's history is held: the highest version up to which nothing is missing.
 *
 * Used by `Channel`. Pure: frames and pages in, calls of their `apply` out, in the channel's order. Only what continues
 * the cursor moves it. A frame beyond it is kept while `sync` is asked from the cursor, so that a busy channel cannot
 * outrun its own recovery.
 */
import type { Frame } from "./types.ts";
import { Limit } from "./limits.ts";

/** A frame with its place in the channel's sequence. */
export interface Live {
  _version: number;
  /** The first version that it covers. */
  _since: number;
  /** It is about the channel itself: a page of messages does not replace it. */
  _info: boolean;
  _apply(): void;
}

export class Cursor {
  _version = 0;
  _epoch = "";
  /** The highest version that is known to exist. */
  private _head = 0;
  /** Ahead of the server, or of another history: only a page helps. */
  private _stale = false;
  private _early = new Map<number, Live>();

  /** Holds everything up to `version`. */
  _start(version: number, epoch: string): void {
    this._version = version;
    this._epoch = epoch;
    this._reconnected(version, epoch);
  }

  _reconnected(version: number, epoch: string): void {
    this._early.clear();
    this._head = version;
    this._stale = this._epoch !== epoch || this._version > version;
  }

  /** Whether there is something to ask for. */
  _behind(): boolean {
    return this._stale || this._version < this._head;
  }

  _live(frame: Live): void {
    const version = frame._version;
    this._head = Math.max(this._head, version);
    if (!this._stale && version <= this._version) {
      // The newest state once more: more than versions count may have changed in it.
      if (frame._info && version === this._version) frame._apply();
    } else {
      if (this._early.size < Limit.Early || this._continues(frame)) this._early.set(version, frame);
      if (!this._stale) this._catchUp();
    }
  }

  /**
   * An answer to `sync`. `asked` is the version that it continues; `apply` takes the messages above `after`. True if it
   * brought something.
   */
  _page(page: Frame<"sync">, asked: number, epoch: string, apply: (after: number, reset: boolean) => void): boolean {
    const reset = page.reset || this._epoch !== epoch;
    if (!reset && asked > this._version) return false;
    this._epoch = epoch;
    this._stale = false;
    for (const [version, frame] of this._sorted()) {
      // At a reset what was shown ahead of its turn is let go of with the rest, so that all of it is asked for again.
      if (!reset && version > page.version) break;
      this._early.delete(version);
      if (frame._info) frame._apply();
    }
    const after = reset ? 0 : this._version;
    apply(after, reset);
    this._version = Math.max(page.version, after);
    if (page.hasMore) this._head = Math.max(this._head, this._version + 1);
    this._catchUp();
    return reset || this._version > after;
  }

  private _continues(frame: Live): boolean {
    return !this._stale && frame._since <= this._version + 1;
  }

  private _sorted(): [number, Live][] {
    return [...this._early].sort(([a], [b]) => a - b);
  }

  /** Kept frames that have their turn now. */
  private _catchUp(): void {
    for (const [version, frame] of this._sorted()) {
      if (version > this._version) {
        if (!this._continues(frame)) continue;
        this._version = version;
        frame._apply();
      }
      this._early.delete(version);
    }
  }
}
