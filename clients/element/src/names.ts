/** How a channel is called and described, wherever it is shown. Pure. */
import type { ChannelInfo, ClientSnapshot } from "@tenfour/client";
import type { Strings } from "./strings.ts";
import type { Times } from "./time.ts";

export function nameOf(channel: ChannelInfo, strings: Strings): string {
  return (channel.type === "direct" ? channel.peer?.name : channel.name) || strings.somebody;
}

/** Whose colour it has. */
export function colourOf(channel: ChannelInfo): string {
  return channel.peer?.id ?? channel.id;
}

/** Of a direct channel: whether the other one is there; null for a group, or while nothing is known. */
export function onlineOf(channel: ChannelInfo, snapshot: ClientSnapshot): boolean | null {
  if (channel.type !== "direct" || !channel.peer || snapshot.connection.state !== "connected") return null;
  return snapshot.presence[channel.peer.id]?.online ?? channel.online.includes(channel.peer.id);
}

/** What stands below the name: who is there. */
export function aboutOf(channel: ChannelInfo, snapshot: ClientSnapshot, strings: Strings, times: Times): string {
  // Nothing is known of others while there is no line.
  if (snapshot.connection.state !== "connected") return "";
  if (channel.type === "group") return strings.members(channel.memberIds.length, channel.online.length);
  if (onlineOf(channel, snapshot)) return strings.online;
  const seen = channel.peer && snapshot.presence[channel.peer.id]?.lastSeenAt;
  return seen ? times._seen(seen) : strings.offline;
}
