/**
 * Where each row of a long list is, though only a few of them exist: heights that were measured, and estimates for the rest.
 *
 * Used by the message list. Pure: it knows keys and numbers, no nodes.
 */
export class Virtual {
  private _keys: readonly string[] = [];
  private _heights: number[] = [];
  /** Measured heights by key: they stay when rows come in above. */
  private _known = new Map<string, number>();
  /** `_tops[i]` is where row i begins; one more for the end. */
  private _tops = new Float64Array(1);
  private _stale = false;

  get _count(): number {
    return this._keys.length;
  }

  get _total(): number {
    return this._top(this._keys.length);
  }

  /** Takes another list of rows; what was measured of a key still holds. */
  _setItems(keys: readonly string[], estimate: (index: number) => number): void {
    this._keys = keys;
    this._heights = keys.map((key, index) => this._known.get(key) ?? estimate(index));
    this._stale = true;
    // Rows that are gone for good are not remembered for ever.
    if (this._known.size > keys.length * 2 + 500) {
      const there = new Set(keys);
      for (const key of this._known.keys()) if (!there.has(key)) this._known.delete(key);
    }
  }

  /** True if that changed where things are. */
  _measured(index: number, height: number): boolean {
    const key = this._keys[index];
    if (key === undefined) return false;
    this._known.set(key, height);
    if (Math.abs(this._heights[index]! - height) < 0.01) return false;
    this._heights[index] = height;
    this._stale = true;
    return true;
  }

  /** The width changed: what was measured is an estimate from now on. */
  _forget(): void {
    this._known.clear();
  }

  _key(index: number): string | undefined {
    return this._keys[index];
  }

  _index(key: string): number {
    // Most of what is looked for is near the end.
    return this._keys.lastIndexOf(key);
  }

  /** Where row `index` begins; for the number of rows, where the last one ends. */
  _top(index: number): number {
    if (this._stale) {
      this._stale = false;
      const tops = (this._tops = new Float64Array(this._heights.length + 1));
      let at = 0;
      for (let i = 0; i < this._heights.length; i++) {
        at += this._heights[i]!;
        tops[i + 1] = at;
      }
    }
    return this._tops[Math.max(0, Math.min(index, this._keys.length))]!;
  }

  /** The row at `y`: the last one that begins at or above it. */
  _at(y: number): number {
    let [low, high] = [0, this._keys.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this._top(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The rows [from, to) between two heights. */
  _range(top: number, bottom: number): [from: number, to: number] {
    if (this._keys.length === 0) return [0, 0];
    return [this._at(top), this._at(bottom) + 1];
  }
}
