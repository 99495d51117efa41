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
  _aside: ChatMessage[] | null = null;

  _reset(from: number): void {
    this._list = [];
    this._from = from;
    this._aside = null;
  }

  /** Whether it was new here, changed something, or was known already. */
  _put(message: ChatMessage): "new" | "updated" | null {
    const { seq, version } = message;
    if (seq < this._from) {
      this._aside?.push(message);
      return "updated";
    }
    // Most are the newest.
    let index = this._list.length;
    while (index > 0 && this._list[index - 1]!.seq >= seq) index--;
    const held = this._list[index];
    if (held?.seq === seq) {
      if (held.version >= version) return null;
      this._list[index] = message;
      return "updated";
    }
    this._list.splice(index, 0, message);
    return "new";
  }

  /** Takes the page, newest first, if it still fits. */
  _older(before: number, page: ChatMessage[], hasMore: boolean): void {
    const aside = this._aside;
    this._aside = null;
    if (!aside || before !== this._from) return;
    this._from = hasMore ? (page.at(-1)?.seq ?? before) : 1;
    this._list = [...page.reverse(), ...this._list];
    for (const message of aside) this._put(message);
  }

  /** Lets go of the oldest. */
  _trim(keep: number): void {
    if (this._list.length > keep) this._from = (this._list = this._list.slice(-keep))[0]!.seq;
  }
}
