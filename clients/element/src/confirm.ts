/** Asks before something that cannot be undone. A modal dialog of the browser's own: it keeps the focus and takes Escape. */
import { h } from "./dom.ts";

let dialogs = 0;

export function confirm(parent: Node, title: string, about: string, yes: string, no: string): Promise<boolean> {
  const id = `d${++dialogs}`;
  const keep = h("button", { type: "button", class: "button" }, no);
  const go = h("button", { type: "button", class: "button danger" }, yes);
  const dialog = h(
    "dialog",
    { class: "dialog", part: "dialog", "aria-labelledby": `${id}t`, "aria-describedby": `${id}a` },
    h("h2", { id: `${id}t` }, title),
    h("p", { id: `${id}a` }, about),
    h("div", { class: "buttons" }, keep, go),
  );
  parent.appendChild(dialog);
  return new Promise((done) => {
    let answer = false;
    go.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    keep.addEventListener("click", () => dialog.close());
    // A press beside it is on the dialog itself.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(answer);
    });
    dialog.showModal();
    keep.focus();
  });
}
