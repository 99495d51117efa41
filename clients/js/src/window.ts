/**
 * The messages of a channel that are held: all from one `seq` on to the newest.
 *
 * Used by `Channel`. Pure. It grows downwards by pages of history and upwards by what is told; of two states of one
 * message the higher version wins, wherever they came from.
 */
import type { ChatMessage } from "./types.ts";

export class Window {
  /** Ascending by `seq`. */
  _list: ChatMessage[] = [];
  /** Whatever is below is not held. */
  _from = 1;
  /** Changes of what is not held, while a page that may bring it is under way. */
  _aside: Map<number, ChatMessage> | null = null;

  _reset(from: number, list: ChatMessage[] = []): void {
    this._list = list;
    this._from = from;
    this._aside = null;
  }

  /** Whether it was new here, changed something, or was known already. */
  _put(message: ChatMessage): "new" | "changed" | null {
    const { seq, version } = message;
    if (seq < this._from) {
      if (this._aside && version > (this._aside.get(seq)?.version ?? 0)) this._aside.set(seq, message);
      return "changed";
    }
    const index = this._index(seq);
    const held = this._list[index];
    if (held?.seq === seq) {
      if (held.version >= version) return null;
      this._list[index] = message;
      return "changed";
    }
    this._list.splice(index, 0, message);
    return "new";
  }

  /** Takes the page, newest first. False if it does not fit any more. */
  _older(before: number, page: ChatMessage[], hasMore: boolean): boolean {
    const aside = this._aside;
    this._aside = null;
    if (!aside || before !== this._from) return false;
    const newest = (message: ChatMessage) => {
      const changed = aside.get(message.seq);
      return changed && changed.version > message.version ? changed : message;
    };
    this._list = [...page.map(newest).reverse(), ...this._list];
    this._from = hasMore ? (page.at(-1)?.seq ?? before) : 1;
    return true;
  }

  /** Lets go of the oldest. */
  _trim(keep: number): boolean {
    if (this._list.length <= keep) return false;
    this._list = this._list.slice(-keep);
    this._from = this._list[0]?.seq ?? this._from;
    return true;
  }

  /** Where `seq` is or belongs. Most are the newest. */
  private _index(seq: number): number {
    let [low, high] = [0, this._list.length];
    if (high === 0 || this._list[high - 1]!.seq < seq) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this._list[middle]!.seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
