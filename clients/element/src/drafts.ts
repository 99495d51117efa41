/**
 * What was typed and not sent, per user and channel, kept over a reload.
 *
 * Used by the composer and the channel list. It lasts as long as the tab, so that nothing is left behind on a shared device
 * and two tabs keep theirs apart. Where the browser gives no storage it is kept in memory.
 */
export class Drafts {
  private readonly _held = new Map<string, string>();
  private _user = "";

  /** Another user's drafts are not seen. */
  _bind(user: string): void {
    if (this._user === user) return;
    // What was typed before it was known who types is theirs.
    const before = this._user === "" ? [...this._held] : [];
    this._held.clear();
    this._user = user;
    for (const [channel, text] of before) this._set(channel, text);
  }

  _get(channel: string): string {
    const held = this._held.get(channel);
    if (held !== undefined) return held;
    let stored = "";
    try {
      stored = (this._user && sessionStorage.getItem(this._name(channel))) || "";
    } catch {
      // No storage here: private mode, or a sandboxed frame.
    }
    if (this._user) this._held.set(channel, stored);
    return stored;
  }

  _set(channel: string, text: string): void {
    this._held.set(channel, text);
    if (!this._user) return;
    try {
      if (text) sessionStorage.setItem(this._name(channel), text);
      else sessionStorage.removeItem(this._name(channel));
    } catch {
      // Full, or not allowed: it stays in memory.
    }
  }

  private _name(channel: string): string {
    return `tenfour:draft:${this._user}:${channel}`;
  }
}
