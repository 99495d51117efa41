/** A dialog whose content is asked for when it opens, and asked for again where that fails. Used by what shows the past and the open. */
import { h } from "./dom.ts";
import { modal } from "./modal.ts";
import type { Failure, Strings } from "./strings.ts";

/** Resolves once it is closed. `load` makes what is shown; `failure` says why a call did not go through. */
export async function showLoaded(
  parent: Node,
  title: string,
  strings: Strings,
  load: (close: () => void) => Promise<Node[]>,
  failure: (call: () => Promise<unknown>) => Promise<Failure | "">,
): Promise<void> {
  const body = h("div", { class: "history-body", role: "group", tabindex: 0, "aria-label": title, "aria-live": "polite" });
  const close = h("button", { class: "button" }, strings.close);
  const { _dialog: dialog, _closed: closed } = modal(parent, "history", title, "", body, h("div", { class: "buttons" }, close));
  close.addEventListener("click", () => dialog.close());
  close.focus();

  const again = async () => {
    body.replaceChildren(h("p", { class: "history-loading" }, h("span", { class: "spinner" }), h("span", { class: "sr" }, strings.loading)));
    let found: Node[] | undefined;
    const why = await failure(async () => (found = await load(() => dialog.close())));
    if (found) return body.replaceChildren(...found);
    const retry = h("button", { class: "link" }, strings.retry);
    retry.addEventListener("click", () => {
      close.focus();
      void again();
    });
    body.replaceChildren(h("p", { class: "history-trouble", role: "alert" }, strings.historyFailed(why || "unknown")), retry);
  };
  void again();
  await closed;
}
