/**
 * Says honestly how the connection is, while it is not good.
 *
 * Used by the element. Short waits are not worth a word: it comes a moment after the trouble, and goes at once.
 */
import type { ClientSnapshot, Connection } from "@tenfour/client";
import { h, show, text } from "./dom.ts";
import type { Strings } from "./strings.ts";

const PATIENCE = 400;

export type Condition = "connecting" | "waiting" | "catching-up" | "stopped" | "good";

export function condition({ state, synced, retryAt }: Connection): Condition {
  if (state === "connected") return synced ? "good" : "catching-up";
  if (state === "disconnected") return "stopped";
  return retryAt === null ? "connecting" : "waiting";
}

/** Why there is no connection, as far as is known. */
function why({ state, reason }: Connection, strings: Strings): string {
  if (reason?.code === "token_unavailable") return strings.noToken;
  if (state !== "disconnected") return strings.offlineNow;
  // By the application, or by the server that was shown a token.
  if (reason?.code === "unauthorized") return (reason as Partial<Error>).name === "UnauthorizedError" ? strings.signedOut : strings.refused;
  return reason?.code === "removed" ? strings.removed : reason?.code === "user_changed" ? strings.otherUser : strings.disconnected;
}

export class Banner {
  private readonly _text = h("span", { class: "banner-text" });
  private readonly _button = h("button", { class: "link" });
  readonly _root = h("div", { class: "banner", part: "banner", hidden: true }, h("span", { class: "pulse" }), this._text, this._button);
  private _since = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _last: ClientSnapshot | null = null;
  private _said = "";

  constructor(
    private readonly _strings: Strings,
    /** For screen readers: what is said of a change, and not each second. */
    private readonly _announce: (text: string) => void,
    again: () => void,
  ) {
    this._button.addEventListener("click", again);
  }

  _update(snapshot: ClientSnapshot): void {
    this._last = snapshot;
    this._render();
  }

  _stop(): void {
    clearTimeout(this._timer);
  }

  private _render(): void {
    clearTimeout(this._timer);
    const { connection, pending } = this._last!;
    const now = condition(connection);
    const strings = this._strings;
    if (now === "good") {
      this._since = 0;
      show(this._root, false);
      if (this._said) this._announce(strings.backOnline);
      this._said = "";
      return;
    }
    this._since ||= Date.now();
    const waited = Date.now() - this._since;
    // Being stopped is no short wait.
    if (now !== "stopped" && waited < PATIENCE) {
      this._timer = setTimeout(() => this._render(), PATIENCE - waited);
      return;
    }
    const left = Math.max(0, (connection.retryAt ?? 0) - Date.now());
    // An attempt that fails at once would make the text flicker between two states.
    const counting = now === "waiting";
    const said = now === "connecting" ? strings.connecting : now === "catching-up" ? strings.catchingUp : why(connection, strings);
    this._root.dataset["state"] = now;
    const seconds = Math.ceil(left / 1_000);
    const queue = pending > 0 && now !== "catching-up" ? ` ${strings.waiting(pending)}` : "";
    text(this._text, said + (counting && seconds > 0 ? ` ${strings.nextAttempt(seconds)}` : "") + queue);
    show(this._button, now === "waiting" || now === "stopped");
    text(this._button, now === "stopped" ? strings.signIn : strings.tryNow);
    show(this._root, true);
    if (this._said !== said) this._announce(said);
    this._said = said;
    if (counting) this._timer = setTimeout(() => this._render(), left % 1_000 || 1_000);
  }
}
