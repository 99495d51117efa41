/**
 * STAND-IN, NOT FOR USE: whoever says who they are is believed.
 *
 * Put your own session check here (whatever tells you today who is signed in), and keep the shape of `currentUser`.
 */
import { cookies } from "next/headers";
import { PEOPLE } from "./people";
import type { Person } from "./people";

const COOKIE = "example-user";

export async function currentUser(): Promise<Person | null> {
  const id = (await cookies()).get(COOKIE)?.value;
  return PEOPLE.find((person) => person.id === id) ?? null;
}

export async function signInAs(id: string): Promise<Person | null> {
  const person = PEOPLE.find((person) => person.id === id) ?? null;
  if (person) (await cookies()).set(COOKIE, person.id, { httpOnly: true, sameSite: "lax" });
  return person;
}

export async function signOut(): Promise<void> {
  (await cookies()).delete(COOKIE);
}
