"use client";
import { useConnection } from "@tenfour/client/react";

/** Says how the connection is, and nothing while all is well. */
export function ConnectionLine() {
  const { state, synced, reason } = useConnection();
  let text = "";
  if (state === "disconnected" && reason) text = `Not connected: ${reason.message}`;
  else if (state === "connecting" && reason) text = "No connection. What you write is sent as soon as there is one.";
  else if (state === "connected" && !synced) text = "Catching up";
  return (
    <p className="connection" role="status">
      {text}
    </p>
  );
}
