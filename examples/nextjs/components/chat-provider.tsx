"use client";
/** One client for all of the page. It connects while this is mounted, and keeps what is not sent yet over a reload. */
import { TenfourClient, UnauthorizedError } from "@tenfour/client";
import { indexedDbStore } from "@tenfour/client/indexeddb";
import { TenfourProvider } from "@tenfour/client/react";
import { useState } from "react";
import type { ReactNode } from "react";

async function getToken({ signal }: { signal: AbortSignal }): Promise<string> {
  const answer = await fetch("/api/chat-token", { signal });
  // Signed out: no use in asking again. Anything else is tried again.
  if (answer.status === 401) throw new UnauthorizedError("signed out");
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return answer.text();
}

export function ChatProvider({ url, children }: { url: string; children: ReactNode }) {
  const [client] = useState(() => new TenfourClient({ url, getToken, store: indexedDbStore() }));
  return <TenfourProvider client={client}>{children}</TenfourProvider>;
}
