// How the console looks and reads: on each view, light and dark, narrow and from right to left.
//
// With SCREENSHOTS=FOLDER a picture of each is left there, for somebody to look at.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stage } from "./stage.mjs";

const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  narrow: { viewport: { width: 375, height: 760 }, hasTouch: true },
  rtl: { colorScheme: "light" },
};
const PEOPLE = [
  ["dispatcher", "Dispatcher"],
  ["driver-7", "Driver 7"],
  ["driver-8", "<b>Driver 8</b>"],
  ["long", `User ${"of a long name ".repeat(6)}`],
  ["unbroken-external-id-of-some-length-0123456789-0123456789-0123456789", "Unbroken".repeat(12)],
  ["right-to-left", "السائق 12"],
  ...Array.from({ length: 12 }, (_, index) => [`driver-${index + 20}`, `Driver ${index + 20}`]),
];

const folder = process.env.SCREENSHOTS;
let on;
let routes;

beforeAll(async () => {
  on = await stage();
  const people = [];
  for (const [sub, name] of PEOPLE) people.push(await on.connect(sub, name));
  const { id } = await on.daemon.group("Depot", PEOPLE.map(([sub]) => sub));
  for (let index = 0; index < 60; index += 1) people[index % 8].send(id, `message ${index}`);
  const session = people[2].hello.sessionId;
  routes = [
    ["overview", "overview"],
    ["sessions", "sessions"],
    ["session", `sessions/${session}`],
    ["rooms", "rooms"],
    ["room", `rooms/${id}`],
    ["actors", "actors"],
    ["presence", "presence"],
    ["find", "find?q=driver"],
    ["nothing", "sessions?user=nobody"],
  ];
  if (folder) mkdirSync(folder, { recursive: true });
});
afterAll(() => on?.stop());

it.each(Object.entries(LOOKS))("is sound: %s", async (look, options) => {
  const { page, at, axe, sideways, troubles, signIn, enter, close } = await on.tab({ ...options, reducedMotion: "reduce" });
  const turn = () => look === "rtl" && page.evaluate(() => (document.documentElement.dir = "rtl"));
  const faults = [];
  const judge = async (name) => {
    for (const fault of await axe()) faults.push(`${name}: ${fault}`);
    if ((await sideways()) > 0) faults.push(`${name} scrolls sideways`);
    if (folder) await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: name !== "dialog" });
  };
  await turn();
  await judge("sign-in");
  await signIn("nonsense");
  await page.getByRole("alert").filter({ hasText: "refused" }).waitFor();
  await judge("refused");
  await enter();
  for (const [name, route] of routes) {
    await at(route);
    await judge(name);
  }
  await at("overview");
  await page.getByText("The last ten minutes in numbers").click();
  await page.getByRole("table", { name: "The last ten minutes" }).waitFor();
  await judge("minutes");
  await at("sessions");
  await page.getByRole("button", { name: /^End session …/ }).first().click();
  await page.getByRole("dialog").waitFor();
  await judge("dialog");
  expect(faults).toEqual([]);
  expect(await troubles(/401/)).toEqual([]);
  await close();
}, 60_000);

it("is reached by the keyboard, and shows where one is", async () => {
  const { page, at, close } = await on.tab();
  await at("rooms");
  await page.locator(".skip").focus();
  const seen = [];
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press(step === 0 ? "Shift" : "Tab");
    const { name, outline } = await page.evaluate(() => {
      const node = document.activeElement;
      if (node === document.body) return { name: null };
      return { name: node.textContent || node.getAttribute("aria-label") || node.id, outline: getComputedStyle(node).outlineStyle };
    });
    if (name === null) break;
    seen.push(name);
    expect(`${name} ${outline}`).toBe(`${name} solid`);
  }
  for (const name of ["Skip to the content", "Overview", "Presence", "Find", "Sign out", "Refresh", "by-q", "Channel"]) {
    expect(seen).toContain(name);
  }
  // The first of them leads past the others, and does not change the view.
  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Rooms");
  await page.getByRole("link", { name: "Actors" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Actors" }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Actors");
  await close();
});
