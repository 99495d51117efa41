/** A modal dialog of the browser's own: it keeps the focus, takes Escape, and gives the focus back. Used by what asks or shows. */
import { h } from "./dom.ts";
import type { Child } from "./dom.ts";

let dialogs = 0;

export interface Modal {
  readonly _dialog: HTMLDialogElement;
  /** Once it is closed, however that came. */
  readonly _closed: Promise<void>;
}

/** `about` describes it where that is known at once. */
export function modal(parent: Node, kind: string, title: string, about: string, ...content: Child[]): Modal {
  const id = `d${++dialogs}`;
  const dialog = h(
    "dialog",
    { class: `dialog ${kind}`, part: "dialog", "aria-labelledby": `${id}t`, "aria-describedby": about ? `${id}a` : null },
    h("h2", { id: `${id}t` }, title),
    about ? h("p", { id: `${id}a` }, about) : null,
    ...content,
  );
  parent.appendChild(dialog);
  // A press beside it is on the dialog itself.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  const closed = new Promise<void>((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done();
    });
  });
  dialog.showModal();
  return { _dialog: dialog, _closed: closed };
}
