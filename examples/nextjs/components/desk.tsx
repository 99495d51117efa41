"use client";
import { useChannels, useConnection, usePresence } from "@tenfour/client/react";
import type { ChannelInfo } from "@tenfour/client";
import { useState } from "react";
import { Thread } from "./thread";

/** The dispatcher's desk: every driver at a glance, and one of them to talk to. */
export function Desk() {
  const { channels, isLoading } = useChannels();
  const [picked, setPicked] = useState<string | null>(null);
  const presence = usePresence(channels.flatMap(({ peer }) => (peer ? [peer.id] : [])));
  const isConnected = useConnection().state === "connected";
  const open = picked ?? channels[0]?.id;
  if (channels.length === 0) return <p>{isLoading ? "Connecting" : "No driver yet"}</p>;
  return (
    <div className="desk">
      <nav aria-label="Drivers">
        {channels.map((channel) => (
          <Entry
            key={channel.id}
            channel={channel}
            isOpen={channel.id === open}
            isOnline={isConnected && channel.peer !== null && presence[channel.peer.id]?.online === true}
            onPick={() => setPicked(channel.id)}
          />
        ))}
      </nav>
      {open && <Thread key={open} id={open} />}
    </div>
  );
}

interface EntryProps {
  channel: ChannelInfo;
  isOpen: boolean;
  isOnline: boolean;
  onPick(): void;
}

function Entry({ channel, isOpen, isOnline, onPick }: EntryProps) {
  const { name, peer, unread, typing, lastMessage } = channel;
  return (
    <button type="button" aria-current={isOpen} onClick={onPick}>
      <strong className={isOnline ? "online" : "offline"}>{peer?.name ?? name}</strong>
      {unread > 0 && <span className="unread">{unread} unread</span>}
      <small>{typing.length > 0 ? "writing…" : lastMessage?.content}</small>
    </button>
  );
}
