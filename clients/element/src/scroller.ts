/**
 * Shows a window of a long list: only the rows near the viewport exist, and what is looked at stays where it is, whatever is
 * loaded above, measured, or changed.
 *
 * Used by the message list, which gives the keys and makes the rows. Positions are kept by an anchor: where the first visible
 * row ends, or the end of the list. Where it ends and not where it begins: a row may lose the divider above it when there is
 * more before it, and its text is not to move by that.
 */
import { arrange, focused, scheduler } from "./dom.ts";
import { Virtual } from "./virtual.ts";

export interface ScrollerHooks<R> {
  _estimate(index: number): number;
  /** The row of an index, new or as it was, brought up to date. */
  _row(index: number, was: R | undefined): R;
  _rootOf(row: R): HTMLElement;
  /** After each layout and scroll. */
  _moved(): void;
}

interface Anchor {
  readonly key: string;
  /** How far below the top of the viewport the row ends, or for a jump, begins. */
  readonly delta: number;
  readonly begins?: boolean;
}

/** How much is kept ready above and below what is seen, and how little of that is left before more is made. */
const AHEAD = 900;
const SLACK = 400;
/** Space above the first and below the last row. */
const PAD = 16;
/** This close to the end counts as at the end. */
const NEAR = 32;

export class Scroller<R> {
  readonly _virtual = new Virtual();
  readonly _rows = new Map<string, R>();
  /** The end of the list is what is looked at. */
  _atEnd = true;
  private _anchor: Anchor | null = null;
  private _from = 0;
  private _to = 0;
  private _lastTop = 0;
  private _width = 0;
  private readonly _schedule = scheduler(() => this._refresh());
  private readonly _sizes = new ResizeObserver((entries) => this._resized(entries));

  constructor(
    readonly _view: HTMLElement,
    readonly _body: HTMLElement,
    private readonly _hooks: ScrollerHooks<R>,
  ) {
    _view.addEventListener("scroll", () => this._scrolled(), { passive: true });
  }

  _start(): void {
    this._sizes.observe(this._view);
    this._sizes.observe(this._body);
  }

  _stop(): void {
    this._sizes.disconnect();
    this._schedule._stop();
  }

  /** Another list: nothing of the old one holds, and its end is shown. */
  _reset(): void {
    this._virtual._forget();
    this._rows.clear();
    this._body.replaceChildren();
    this._anchor = null;
    this._atEnd = true;
  }

  /** The rows are these now; what is seen stays in its place. */
  _setItems(keys: readonly string[]): void {
    this._catchUp();
    this._virtual._setItems(keys, (index) => this._hooks._estimate(index));
    this._layout();
  }

  /** Lays out again, from where the user is now: a scroll may not have been told yet. */
  _refresh(): void {
    this._catchUp();
    this._layout();
  }

  _toEnd(): void {
    this._atEnd = true;
    this._layout();
  }

  /** Puts a row `delta` px below the top, or to the middle. */
  _toRow(index: number, where: number | "middle"): void {
    const key = this._virtual._key(index);
    if (key === undefined) return;
    this._atEnd = false;
    this._anchor = { key, delta: where === "middle" ? this._view.clientHeight / 3 : where, begins: true };
    this._layout();
    this._judgeEnd();
    this._takeAnchor();
  }

  /** Makes a row visible with as little movement as possible. */
  _reveal(index: number): void {
    const { _virtual: virtual, _view: view } = this;
    const top = virtual._top(index) + PAD - view.scrollTop;
    const height = virtual._top(index + 1) - virtual._top(index);
    const margin = 8;
    if (top >= margin && top + height <= view.clientHeight - margin && this._rows.has(virtual._key(index)!)) return;
    if (index === virtual._count - 1) return this._toEnd();
    const fits = height < view.clientHeight - 2 * margin;
    this._toRow(index, top < margin || !fits ? margin : view.clientHeight - height - margin);
  }

  /** Where a row is in the viewport, by the layout; NaN if there is none. */
  _positionOf(index: number): { top: number; bottom: number } {
    const { scrollTop } = this._view;
    return { top: this._virtual._top(index) + PAD - scrollTop, bottom: this._virtual._top(index + 1) + PAD - scrollTop };
  }

  private _scrolled(): void {
    this._catchUp();
    const { scrollTop, clientHeight } = this._view;
    const above = scrollTop - PAD - this._virtual._top(this._from);
    const below = this._virtual._top(this._to) - (scrollTop - PAD + clientHeight);
    const short = (above < SLACK && this._from > 0) || (below < SLACK && this._to < this._virtual._count);
    if (short) this._schedule._ask();
    this._hooks._moved();
  }

  /** Learns where the user has scrolled to. */
  private _catchUp(): void {
    if (Math.abs(this._view.scrollTop - this._lastTop) < 1 && (this._anchor || this._atEnd)) return;
    this._lastTop = this._view.scrollTop;
    this._judgeEnd();
    this._takeAnchor();
  }

  private _judgeEnd(): void {
    const { scrollTop, scrollHeight, clientHeight } = this._view;
    this._atEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
  }

  private _takeAnchor(): void {
    const { _virtual: virtual } = this;
    const y = this._view.scrollTop - PAD;
    let index = virtual._at(Math.max(0, y));
    // What is seen holds, not what is only guessed: rows that do not exist yet may turn out higher or lower.
    if (index < this._from && virtual._top(this._from) < y + this._view.clientHeight) index = this._from;
    const key = virtual._key(index);
    this._anchor = key === undefined ? null : { key, delta: virtual._top(index + 1) - y };
  }

  private _resized(entries: readonly ResizeObserverEntry[]): void {
    // A row that grew by itself waits for the next frame: what is changed here and now would be told here once more.
    if (!entries.some(({ target }) => target === this._view)) return this._schedule._ask();
    const width = this._view.clientWidth;
    if (width !== this._width) {
      this._width = width;
      this._virtual._forget();
    }
    this._refresh();
  }

  /** Where to scroll to, by what is known of the heights. */
  private _target(): number {
    const { _virtual: virtual, _anchor: anchor } = this;
    const most = Math.max(0, virtual._total + 2 * PAD - this._view.clientHeight);
    if (this._atEnd || !anchor) return most;
    const index = virtual._index(anchor.key);
    if (index < 0) return Math.min(this._view.scrollTop, most);
    return Math.max(0, Math.min(most, virtual._top(anchor.begins ? index : index + 1) + PAD - anchor.delta));
  }

  private _layout(): void {
    this._schedule._stop();
    const { _virtual: virtual, _view: view, _body: body } = this;
    if (view.clientHeight === 0) return;
    // What is measured may move what is to be seen: again until it holds, and it does after two or three rounds.
    for (let round = 0; round < 5; round++) {
      const top = this._target() - PAD;
      [this._from, this._to] = virtual._range(top - AHEAD, top + view.clientHeight + AHEAD);
      this._place();
      if (!this._measure()) break;
    }
    body.style.paddingBlockStart = `${virtual._top(this._from) + PAD}px`;
    body.style.paddingBlockEnd = `${virtual._total - virtual._top(this._to) + PAD}px`;
    const target = this._target();
    if (Math.abs(view.scrollTop - target) >= 0.5) view.scrollTop = target;
    this._lastTop = view.scrollTop;
    if (!this._anchor || this._atEnd) this._takeAnchor();
    this._hooks._moved();
  }

  private _place(): void {
    // Before the rows change: what is focused may not be there afterwards.
    const active = focused(this._body);
    const lost = active && active !== this._body && this._body.contains(active);
    const kept = new Map<string, R>();
    for (let i = this._from; i < this._to; i++) {
      const key = this._virtual._key(i)!;
      kept.set(key, this._hooks._row(i, this._rows.get(key)));
    }
    for (const key of this._rows.keys()) if (!kept.has(key)) this._rows.delete(key);
    for (const [key, row] of kept) this._rows.set(key, row);
    arrange(this._body, [...kept.values()].map((row) => this._hooks._rootOf(row)));
    // The focus does not fall out of the list with a row that is scrolled away.
    if (lost && !this._body.contains(focused(this._body))) this._body.focus({ preventScroll: true });
  }

  private _measure(): boolean {
    let changed = false;
    for (let i = this._from; i < this._to; i++) {
      const row = this._rows.get(this._virtual._key(i)!)!;
      if (this._virtual._measured(i, this._hooks._rootOf(row).getBoundingClientRect().height)) changed = true;
    }
    return changed;
  }
}
