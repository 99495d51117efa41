import { PEOPLE } from "@/lib/people";
import { enter } from "./actions";

export default function Page() {
  return (
    <main>
      <h1>Dispatch</h1>
      <p>Who are you? A real application knows; this one believes you.</p>
      <form action={enter} className="people">
        {PEOPLE.map(({ id, name }) => (
          <button key={id} name="id" value={id}>
            {name}
          </button>
        ))}
      </form>
    </main>
  );
}
