/** Asks before something that cannot be undone. */
import { h } from "./dom.ts";
import { modal } from "./modal.ts";

export async function confirm(parent: Node, title: string, about: string, yes: string, no: string): Promise<boolean> {
  const keep = h("button", { class: "button" }, no);
  const go = h("button", { class: "button danger" }, yes);
  const { _dialog: dialog, _closed: closed } = modal(parent, "asking", title, about, h("div", { class: "buttons" }, keep, go));
  let answer = false;
  go.addEventListener("click", () => {
    answer = true;
    dialog.close();
  });
  keep.addEventListener("click", () => dialog.close());
  keep.focus();
  await closed;
  return answer;
}
