/** The page of `tenfour dev`: its users side by side, each with a client and a line of their own. */
import { seat } from "./seat.ts";
import { seats } from "./users.ts";

async function start(): Promise<void> {
  const { channel, users, admin } = await seats((...args) => fetch(...args));
  const template = document.querySelector("template")!;
  const main = document.querySelector("main")!;
  const all = users.map((user) => {
    main.append(template.content.cloneNode(true));
    return seat(main.lastElementChild as HTMLElement, user, channel);
  });
  if (admin) {
    const link = document.querySelector<HTMLAnchorElement>("#admin")!;
    link.href = admin;
    link.hidden = false;
  }
  const first = all[0];
  await first?.ready;
  // Whoever has begun to use the page by now keeps their place.
  if (document.activeElement === document.body) first?.focus();
}

start().catch((error: Error) => {
  const problem = document.querySelector<HTMLElement>("#problem")!;
  problem.textContent = `The demo did not start: ${error.message}`;
  problem.hidden = false;
});
