"use server";
import { redirect } from "next/navigation";
import { DISPATCHER, DRIVERS } from "@/lib/people";
import { currentUser, signInAs, signOut } from "@/lib/session";
import { tenfour } from "@/lib/tenfour";

export async function enter(form: FormData): Promise<void> {
  const person = await signInAs(String(form.get("id")));
  redirect(person ? `/${person.role}` : "/");
}

export async function leave(): Promise<void> {
  await signOut();
  redirect("/");
}

/** What the application itself has to say: a load is assigned, and the driver's channel gets to know. */
export async function assign(form: FormData): Promise<void> {
  const user = await currentUser();
  const driver = DRIVERS.find(({ id }) => id === form.get("driver"));
  if (user?.role !== "dispatcher" || !driver) throw new Error("only the dispatcher assigns loads, and to a driver");
  const channel = await tenfour.direct(DISPATCHER.id, driver.id);
  await tenfour.as(DISPATCHER.id).send(channel.id, `Load ${form.get("load")} is yours.`);
}
