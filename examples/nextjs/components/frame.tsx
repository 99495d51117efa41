import type { ReactNode } from "react";
import { leave } from "@/app/actions";
import type { Person } from "@/lib/people";
import { TENFOUR_URL } from "@/lib/tenfour";
import { ChatProvider } from "./chat-provider";
import { ConnectionLine } from "./connection";

/** What both pages share: who is signed in, the chat's client, and the state of its connection. */
export function Frame({ user, children }: { user: Person; children: ReactNode }) {
  return (
    <ChatProvider url={TENFOUR_URL}>
      <header className="top">
        <h1>Dispatch</h1>
        <form action={leave}>
          {user.name} <button>Sign out</button>
        </form>
      </header>
      <ConnectionLine />
      <main>{children}</main>
    </ChatProvider>
  );
}
