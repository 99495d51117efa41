/** One session, with all that the daemon says of it. */

import { h } from "../dom.ts";
import { bytes, count, moment, NONE, rate } from "../format.ts";
import type { Session } from "../types.ts";
import { type Context, facts, routeTo, type View } from "../view.ts";
import { endButton } from "./sessions.ts";

export const session = (id: string) => (context: Context): View => {
  const code = (text: string | null | undefined): string | Node => (text ? h("code", {}, text) : NONE);
  const shown = facts<Session>([
    ["Name", (it) => h("bdi", {}, it.name)],
    ["User id", (it) => h("a", { href: routeTo("sessions", { user: it.userId }) }, h("code", {}, it.userId))],
    ["External id", (it) => code(it.externalId)],
    ["Session", (it) => code(it.id)],
    ["Node", (it) => code(it.node)],
    ["Address", (it) => it.address],
    ["Agent", (it) => h("bdi", {}, it.agent ?? NONE)],
    ["Since", (it) => moment(it.since)],
    ["Last pong", (it) => moment(it.lastPong)],
    ["Token valid until", (it) => moment(it.tokenExpiresAt)],
    ["Channels", (it) => count(it.channels)],
    ["Frames a second", (it) => rate(it.framesPerSecond)],
    ["Frames in", (it) => count(it.framesIn)],
    ["Messages in", (it) => count(it.messagesIn)],
    ["Over the rate", (it) => count(it.rateLimited)],
    ["Frames out", (it) => count(it.framesOut)],
    ["Bytes out", (it) => bytes(it.bytesOut)],
    ["Frames queued", (it) => count(it.framesQueued)],
    ["Bytes queued", (it) => bytes(it.bytesQueued)],
    ["Sends under way", (it) => count(it.pending)],
  ]);
  const silent = h("p", { class: "notice warn", hidden: true }, "The session does not answer; this is what is known without it.");
  const end = endButton(context);
  end.node.className = "danger";
  const node = h("div", { hidden: true }, silent, shown.node, h("div", { class: "buttons" }, end.node));
  return {
    title: "Session",
    node,
    everyMs: () => 2000,
    refresh: async (signal) => {
      const it = await context.api.session(id, signal);
      node.hidden = false;
      silent.hidden = !it.unresponsive;
      shown.show(it);
      end.update(it);
    },
  };
};
