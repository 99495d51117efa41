/**
 * What a screen reader says by itself: new messages in a log, typing and the connection as a status.
 *
 * Used by the element. Both are empty at first, so that nothing of the history is read out, and stay small.
 */
import { h } from "./dom.ts";

const KEEP = 12;

export class Announcer {
  readonly _log = h("div", { class: "sr", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  readonly _status = h("div", { class: "sr", role: "status", "aria-live": "polite" });
  private _timer: ReturnType<typeof setTimeout> | undefined;

  constructor(label: string) {
    this._log.setAttribute("aria-label", label);
  }

  _message(text: string): void {
    this._log.append(h("div", { dir: "auto" }, text));
    while (this._log.childElementCount > KEEP) this._log.firstElementChild!.remove();
  }

  /** The last of several quick changes is said. */
  _say(text: string): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      if (this._status.textContent !== text) this._status.textContent = text;
    }, 300);
  }

  _clear(): void {
    clearTimeout(this._timer);
    this._log.replaceChildren();
    this._status.textContent = "";
  }
}
