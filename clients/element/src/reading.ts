/**
 * How far a channel was read: whether anybody sees what is shown, where the unread begins, and what may count as read.
 *
 * Used by the message list for the channel that is shown. It decides; the list measures, scrolls and marks. Pure.
 */
import type { ChannelSnapshot } from "@tenfour/client";

type Shot = Pick<ChannelSnapshot, "messages" | "hasOlder" | "unread" | "lastReadSeq">;

export class Reading {
  /** What was unread began above this mark; null if nothing is. */
  _mark: number | null = null;
  /** So many were unread then. */
  _unread = 0;
  /** Where the unread begins was seen. */
  _met = false;
  /** Where the unread begins is still to be gone to. */
  _due = false;
  /** Somebody sees what is shown, and that is the newest there is. */
  _watched = false;
  /** Since it was last watched nothing has come. */
  private _left = true;
  /** The newest is what is wanted, though not all that is unread is held. */
  private _skipped = false;

  _open(): void {
    this._mark = null;
    this._due = this._met = this._watched = this._skipped = false;
    this._left = true;
  }

  /** What is unread begins here. */
  _begin({ unread, lastReadSeq }: Shot): void {
    this._mark = lastReadSeq;
    this._unread = unread;
    this._due = true;
    this._met = this._left = this._skipped = false;
  }

  /** Something may have come that nobody saw: the first of it is where reading goes on. */
  _away(before: Shot, shot: Shot): void {
    const fresh = this._left || this._mark === null || before.unread === 0;
    if (fresh && shot.unread > before.unread) this._begin(shot);
  }

  _look(watched: boolean): void {
    this._watched = watched;
    if (watched) this._due = false;
    else this._left = true;
  }

  /** By the user's will: what is seen counts, whatever lies above it. */
  _skip(): void {
    this._skipped = true;
    this._due = false;
  }

  /** Nothing is unread any more. */
  _done(): void {
    this._mark = null;
    this._skip();
  }

  /** Not all above the mark is held. */
  _lacks({ messages, hasOlder }: Shot, mark = this._mark ?? 0): boolean {
    return hasOlder && (messages[0]?.seq || Infinity) > mark + 1;
  }

  /** A mark takes all below with it: nothing is marked across what is not even held. */
  _counts(shot: Shot): boolean {
    return this._watched && (this._skipped || shot.unread === 0 || !this._lacks(shot, shot.lastReadSeq));
  }
}
