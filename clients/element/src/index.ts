/** `@tenfour/element`: defines `<tenfour-chat>`. */
import { TenfourChat } from "./element.ts";

export { TenfourChat };
export { english } from "./strings.ts";
export type { Strings } from "./strings.ts";

declare global {
  interface HTMLElementTagNameMap {
    "tenfour-chat": TenfourChat;
  }
}

if (globalThis.customElements && !customElements.get("tenfour-chat")) customElements.define("tenfour-chat", TenfourChat);
