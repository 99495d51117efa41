/** One session, with all that the daemon says of it. */

import { h, setAttribute } from "../dom.ts";
import { fields } from "../fields.ts";
import { type Context, routeTo, type View } from "../view.ts";
import { endButton } from "./sessions.ts";

export const session = (id: string) => (context: Context): View => {
  const shown = fields();
  const silent = h("p", { class: "notice warn" }, "The session does not answer; this is what is known without it.");
  const others = h("a", {}, "All sessions of this user");
  const end = endButton(context);
  end.node.className = "danger";
  end.node.textContent = "End session";
  const node = h("div", { hidden: true }, silent, shown.node, h("div", { class: "buttons" }, end.node, others));
  return {
    title: "Session",
    node,
    everyMs: () => 2000,
    refresh: async (signal) => {
      const it = await context.api.session(id, signal);
      node.hidden = false;
      silent.hidden = !it.unresponsive;
      // What says who it is comes first.
      const { id: session, name, externalId, userId, address, agent, ...more } = it;
      shown.show({ session, name, externalId, userId, address, agent, ...more });
      setAttribute(others, "href", routeTo("sessions", { user: it.userId }));
      end.update(it);
    },
  };
};
