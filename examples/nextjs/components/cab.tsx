"use client";
import { useChannels } from "@tenfour/client/react";
import { Thread } from "./thread";

/** What a driver sees: the one channel with the dispatcher. */
export function Cab() {
  const { channels, isLoading } = useChannels();
  const [first] = channels;
  if (!first) return <p>{isLoading ? "Connecting" : "The dispatcher has not written yet"}</p>;
  return <Thread id={first.id} />;
}
