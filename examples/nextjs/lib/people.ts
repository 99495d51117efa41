/** The people of this example. Yours are in your own database; tenfour only ever sees an id and a name. */
export type Person = { id: string; name: string; role: "dispatcher" | "driver" };

export const PEOPLE: Person[] = [
  { id: "dispatcher", name: "Dispatcher", role: "dispatcher" },
  { id: "driver-7", name: "Driver 7", role: "driver" },
  { id: "driver-12", name: "Driver 12", role: "driver" },
];

export const DISPATCHER = PEOPLE[0]!;
export const DRIVERS = PEOPLE.filter(({ role }) => role === "driver");
