/** The one thing that the console changes: it ends a session, after asking whether that is meant. */

import { type Api, Refused } from "./api.ts";
import { button, focusHeading, h, setText } from "./dom.ts";
import { fields } from "./fields.ts";
import type { Session } from "./types.ts";

/** How often it is looked whether the session is gone, and how long between. */
const LOOKS = 15;
const BETWEEN_MS = 200;

const later = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Whether the daemon says that there is no such session; null where it says nothing. */
async function gone(api: Api, id: string): Promise<boolean | null> {
  for (let look = 0; look < LOOKS; look += 1) {
    try {
      await api.session(id);
    } catch (error) {
      return error instanceof Refused && error.status === 404 ? true : null;
    }
    await later(BETWEEN_MS);
  }
  return false;
}

/** Ends it, and says what came of it as far as that is known. */
async function end(api: Api, id: string): Promise<string> {
  try {
    await api.end(id);
  } catch (error) {
    if (!(error instanceof Refused)) return "No answer came. It is not known whether the session was ended.";
    if (error.status === 404) return "There is no such session any more: it ended before.";
    if (error.status === 503) return `It is not known whether the session was ended: ${error.message}.`;
    return `The session was not ended: ${error.message}.`;
  }
  switch (await gone(api, id)) {
    case true:
      return "Ended: the socket was closed with code 4403, and the session is gone.";
    case false:
      return "The daemon took the order, but the session is still there. Look again in a moment.";
    case null:
      return "The daemon took the order. Whether the session is gone could not be seen.";
  }
}

/** Shows who it is about, asks, and calls `done` once something was tried. */
export function askToEnd(api: Api, session: Session, done: () => void): void {
  const { name, userId, externalId, id, address, since } = session;
  const who = fields();
  who.show({ name, user: externalId ?? userId, session: id, address, since });
  const result = h("p", { role: "status", class: "result" });
  const cancel = button("Cancel", () => dialog.close(), { autofocus: true });
  let asking = false;
  const tried = async (): Promise<void> => {
    asking = true;
    cancel.disabled = true;
    go.disabled = true;
    setText(result, "Asking the daemon …");
    setText(result, await end(api, session.id));
    asking = false;
    go.remove();
    cancel.disabled = false;
    setText(cancel, "Close");
    cancel.focus();
    done();
  };
  const go = button("End session", () => void tried(), { class: "danger" });
  const dialog = h(
    "dialog",
    {
      "aria-labelledby": "end-title",
      cancel: (event) => asking && event.preventDefault(),
      close: () => {
        dialog.remove();
        // The button that opened it may have gone.
        if (document.activeElement === document.body) focusHeading();
      },
    },
    h("h2", { id: "end-title" }, "End this session?"),
    who.node,
    h("p", {}, "Its socket is closed with code 4403. The user may come back while their token is valid."),
    result,
    h("div", { class: "buttons" }, cancel, go),
  );
  document.body.append(dialog);
  dialog.showModal();
}
