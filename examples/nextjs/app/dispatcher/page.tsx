import { redirect } from "next/navigation";
import { Desk } from "@/components/desk";
import { Frame } from "@/components/frame";
import { DRIVERS } from "@/lib/people";
import { currentUser } from "@/lib/session";
import { assign } from "../actions";

export default async function Page() {
  const user = await currentUser();
  if (user?.role !== "dispatcher") redirect("/");
  return (
    <Frame user={user}>
      <form action={assign} className="assign">
        <label>
          Load <input name="load" defaultValue="1042" required />
        </label>
        <label>
          to{" "}
          <select name="driver">
            {DRIVERS.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button>Assign</button>
      </form>
      <Desk />
    </Frame>
  );
}
