/** The admin console: signs in, shows the frame, signs out. The daemon serves it on its admin address, and nowhere else. */

import { Refused } from "./api.ts";
import { button, focusHeading, h } from "./dom.ts";
import { Shell } from "./shell.ts";
import { enter, reason, signIn } from "./signin.ts";
import { store, stored } from "./token.ts";
import type { Actors } from "./types.ts";

const app = document.getElementById("app") ?? document.body;

function outside(message: string): void {
  document.title = "tenfour admin";
  app.replaceChildren(signIn(message, inside));
  app.querySelector("input")?.focus();
}

function inside(token: string, actors: Actors): void {
  store(token);
  const shell = new Shell(token, actors.cluster !== undefined, (message) => {
    store(null);
    outside(message);
  });
  app.replaceChildren(shell.node);
  focusHeading();
}

/** A page that is loaded anew goes on with the token that it had. */
async function begin(): Promise<void> {
  const token = stored();
  if (token === null) return outside("");
  try {
    inside(token, await enter(token));
  } catch (error) {
    const refused = error instanceof Refused && (error.status === 401 || error.status === 403);
    if (refused) {
      store(null);
      return outside(reason(error));
    }
    const again = button("Try again", () => void begin(), { class: "main" });
    app.replaceChildren(h("main", { class: "sign-in" }, h("h1", {}, "tenfour admin"), h("p", { role: "alert" }, reason(error)), again));
    again.focus();
  }
}

void begin();
