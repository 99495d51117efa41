/** Who the users of the demo are, as the daemon of `tenfour dev` says. */

export interface User {
  sub: string;
  name: string;
  token: string;
}

export interface Seats {
  /** The name of the channel that is shown first. */
  channel: string;
  users: User[];
  /** Where the admin console is, if there is one. */
  admin?: string;
}

export async function seats(by: typeof fetch = fetch, signal?: AbortSignal): Promise<Seats> {
  const answer = await by("/demo/users", signal ? { signal } : {});
  if (!answer.ok) throw new Error(`the daemon does not say who the users are: ${answer.status}`);
  return (await answer.json()) as Seats;
}
