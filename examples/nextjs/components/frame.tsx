import type { ReactNode } from "react";
import type { Person } from "@/lib/people";
import { TENFOUR_URL } from "@/lib/tenfour";
import { ChatProvider } from "./chat-provider";
import { ConnectionLine } from "./connection";
import { SignOut } from "./sign-out";

/** What both pages share: who is signed in, the chat's client, and the state of its connection. */
export function Frame({ user, children }: { user: Person; children: ReactNode }) {
  return (
    <ChatProvider url={TENFOUR_URL}>
      <header className="top">
        <h1>Dispatch</h1>
        <SignOut name={user.name} />
      </header>
      <ConnectionLine />
      <main>{children}</main>
    </ChatProvider>
  );
}
