"use client";
/** Signs out: of the chat first, so that nothing of it stays in this browser for whoever comes next. */
import { useTenfour } from "@tenfour/client/react";
import { leave } from "@/app/actions";

export function SignOut({ name }: { name: string }) {
  const client = useTenfour();
  const signOut = async () => {
    // With <tenfour-chat> it is its own signOut().
    await client.close({ purge: true });
    await leave();
  };
  return (
    <form action={signOut}>
      {name} <button>Sign out</button>
    </form>
  );
}
