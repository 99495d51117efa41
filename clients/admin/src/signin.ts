/** The page of who is not signed in. */

import { Api, Refused } from "./api.ts";
import { h, setText } from "./dom.ts";
import type { Actors } from "./types.ts";

/** Why the daemon does not let this token in, or does not say. */
export function reason(error: unknown): string {
  if (!(error instanceof Refused)) return "The daemon does not answer. Look whether it runs, and try again.";
  if (error.status === 401) return `The daemon refused this token: ${error.message}.`;
  if (error.status === 403) return "This token is good, but it is not an admin's: it lacks the scope “admin”.";
  return `The daemon cannot check the token now: ${error.message}.`;
}

/** Asks what only an admin may ask. */
export const enter = (token: string): Promise<Actors> => new Api(token).actors();

export function signIn(message: string, entered: (token: string, actors: Actors) => void): HTMLElement {
  const trouble = h("p", { class: "trouble", id: "trouble", role: "alert" }, message);
  const field = h("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "trouble",
  });
  const button = h("button", { type: "submit", class: "main" }, "Sign in");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const token = field.value.trim().replace(/^bearer\s+/i, "");
    // What no header can hold is no token.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      setText(trouble, "This is no token: it has characters that a token never has.");
      return;
    }
    button.disabled = true;
    setText(trouble, "");
    try {
      entered(token, await enter(token));
    } catch (error) {
      setText(trouble, reason(error));
      field.select();
    } finally {
      button.disabled = false;
    }
  };
  return h(
    "main",
    { class: "sign-in" },
    h(
      "form",
      { submit: (event) => void submit(event) },
      h("h1", {}, h("span", { class: "brand" }, "tenfour"), " admin"),
      h("label", { for: "token" }, "Admin token"),
      field,
      trouble,
      button,
    ),
    h(
      "p",
      { class: "muted" },
      "A token of the scope “admin” lets you in. The daemon's machine prints one, with the daemon's settings:",
    ),
    h("pre", { tabindex: "0", "aria-label": "Command" }, "tenfour token --sub operator --name Operator --scope admin"),
    h("p", { class: "muted" }, "The token stays in this tab and is forgotten with it."),
  );
}
