// The console against a real daemon, in a real browser.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { mintToken, until } from "../../test/daemon.mjs";
import { NO_ANSWER, soon, stage } from "./stage.mjs";

let on;
beforeAll(async () => {
  on = await stage();
});
afterAll(() => on?.stop());
afterEach(() => on?.empty());

const now = () => Math.floor(Date.now() / 1000);

it("stays within 15 kB", () => {
  const built = readFileSync(new URL("../../dist/admin/app.js", import.meta.url));
  expect(gzipSync(built, { level: 9 }).length).toBeLessThanOrEqual(15_000);
});

describe("signing in", () => {
  const trouble = (page) => page.getByRole("alert");

  it("tells each token that is not let in why", async () => {
    const { page, signIn, troubles, close } = await on.tab();
    const { daemon } = on;
    const exp = now() + 600;
    for (const [token, word] of [
      ["not a token", "This is no token"],
      ["ünicode", "This is no token"],
      ["nonsense", "refused this token: the token is not a signed JWT"],
      [mintToken({ sub: "x", name: "X", scope: "admin", exp }, "another secret of another daemon, 32 bytes"), "refused this token"],
      [mintToken({ sub: "x", name: "X", scope: "admin", exp: now() - 60 }), "the token has expired"],
      [daemon.token("driver-7", { name: "Driver 7" }), "lacks the scope “admin”"],
    ]) {
      await signIn(token);
      await trouble(page).filter({ hasText: word }).waitFor();
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    }
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    expect(await troubles(NO_ANSWER)).toEqual([]);
    await close();
  });

  it("keeps the token in the tab alone, over a reload, until one signs out", async () => {
    const { page, signIn, at, troubles, close } = await on.tab();
    const token = on.daemon.token("operator", { name: "Operator", scope: "admin" });
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await signIn(`  Bearer ${token}\n`);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await at("sessions");
    await page.reload();
    await page.getByRole("heading", { name: "Sessions" }).waitFor();
    await at("rooms");
    expect(asked.filter((url) => url.includes(token))).toEqual([]);
    expect(page.url()).not.toContain(token);
    expect(await page.evaluate(() => document.cookie + localStorage.length)).toBe("0");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Admin token").waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    const before = asked.length;
    await page.reload();
    await page.getByLabel("Admin token").waitFor();
    expect(asked.slice(before).filter((url) => /sessions|actors|metrics/.test(url))).toEqual([]);
    expect(await troubles()).toEqual([]);
    await close();
  });

  it("is over when the token is", async () => {
    const { page, signIn, troubles, close } = await on.tab();
    // Five seconds of leeway, and some to get in.
    await signIn(mintToken({ sub: "short", name: "Short", scope: "admin", exp: now() + 2 }));
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.evaluate(() => (location.hash = "#/actors"));
    await page.getByRole("alert").filter({ hasText: "You were signed out: the token has expired" }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    expect(await troubles(NO_ANSWER)).toEqual([]);
    await close();
  });
});

describe("what it shows", () => {
  it("is the connections and the messages that there are", async () => {
    const { daemon, connect, tab } = on;
    const { page, at, troubles, close } = await tab();
    await at("overview");
    const card = (title) => page.locator(".card").filter({ has: page.getByRole("heading", { name: title }) });
    const figure = (title) => card(title).locator(".figure").first();
    const tally = (name) => page.locator(".tally div").filter({ hasText: name }).locator("dd");
    const had = Number(await tally("Messages stored").textContent());
    const driver = await connect("driver-1", "Driver 1");
    const other = await connect("dispatcher", "Dispatcher");
    await soon(() => figure("Connections").textContent()).toBe("2");
    const { id } = await daemon.group("Depot", ["driver-1", "dispatcher"]);
    driver.send(id, "on my way");
    await soon(() => tally("Messages stored").textContent()).toBe(String(had + 1));
    // The plot keeps what the last two seconds have no more.
    await soon(() => card("Messages a second").locator(".reach").textContent()).toMatch(/^0 to 0\.\d/);
    await soon(() => card("Time to store").locator(".reach").textContent()).toMatch(/\d ms$/);
    expect(await card("Connections").locator("path.line").getAttribute("d")).toMatch(/^M[\d.]+ [\d.]+h0L/);
    const states = page.locator(".states");
    for (const state of ["Databaseanswers", "Clientslet in", "Redisnot used", "Nodes1"]) {
      await soon(() => states.textContent()).toContain(state);
    }
    await page.getByText("The last ten minutes in numbers").click();
    const table = page.getByRole("table", { name: "The last ten minutes" });
    await soon(() => table.getByRole("row").count()).toBeGreaterThan(1);
    driver.socket.close();
    other.socket.close();
    await soon(() => figure("Connections").textContent()).toBe("0");
    expect(await troubles()).toEqual([]);
    await close();
  });

  it("is the rooms, who is there, and the actors", async () => {
    const { daemon, connect, tab } = on;
    const people = [await connect("anna-1", "User 1"), await connect("anna-1", "User 1"), await connect("anna-2", "User 2")];
    const { id } = await daemon.group("Night shift", ["anna-1", "anna-2", "absent"]);
    people[0].send(id, "here");
    const { page, at, troubles, close } = await tab();
    await at("rooms");
    const row = page.getByRole("row").filter({ hasText: id });
    await soon(() => row.textContent()).toMatch(/runs3311/);
    await row.getByRole("link").click();
    await page.getByRole("heading", { name: "3 members" }).waitFor();
    await page.getByRole("heading", { name: "3 sessions" }).waitFor();
    const members = page.getByRole("table", { name: "Members" });
    for (const [who, what] of [["User 1", "2 sessions"], ["User 2", "1 session"], ["", "not connected"]]) {
      expect(await members.getByRole("row").filter({ hasText: what }).textContent()).toContain(who);
    }
    await page.getByRole("link", { name: "All of them" }).click();
    await page.getByRole("heading", { name: "Sessions" }).waitFor();
    await soon(() => page.locator(".summary").textContent()).toBe("3 sessions");

    await at("presence");
    await soon(() => page.locator(".summary").textContent()).toBe("2 users");
    await page.getByLabel("Search").fill("USER 2");
    await soon(() => page.locator(".summary").textContent()).toBe("1 found in 2 users");
    expect(await page.locator("tbody").textContent()).toContain("anna-2");

    await at("actors");
    const tree = page.locator(".tree.root");
    for (const name of ["Registry", "Rooms", "Sessions", "Database", "Presence"]) {
      await tree.locator("summary").filter({ hasText: name }).first().waitFor();
    }
    await tree.locator("summary").filter({ hasText: `Room ${id}` }).click();
    await tree.getByRole("link", { name: "Details of this room" }).click();
    await page.getByRole("heading", { name: "Channel" }).waitFor();

    const find = async (text) => {
      await page.getByRole("searchbox", { name: "Find" }).fill(text);
      await page.keyboard.press("Enter");
      await soon(() => page.locator(".wanted").textContent()).toBe(text);
      return page.locator(".found");
    };
    expect(await (await find("anna-1")).textContent()).toContain("User 1 user with 2 sessions");
    expect(await (await find("ser 2")).textContent()).toContain("User 2 user anna-2 with 1 session");
    expect(await (await find(id.toUpperCase())).textContent()).toContain("channel with 3 members and 3 sessions");
    expect(await (await find(people[0].hello.sessionId)).textContent()).toContain("session of User 1");
    await find("nobody of that name");
    await page.getByText("Nothing found").waitFor();
    expect(await troubles(NO_ANSWER)).toEqual([]);

    await page.evaluate(() => (location.hash = "#/rooms/01988000-0000-7000-8000-000000000000"));
    await page.getByRole("alert").filter({ hasText: "no room runs for this channel" }).waitFor();
    await page.evaluate(() => (location.hash = "#/sessions?channel=nonsense"));
    await page.getByRole("alert").filter({ hasText: "channelId must be a UUID" }).waitFor();
    for (const { socket } of people) socket.close();
    await close();
  });

  it("is text, whatever the names are", async () => {
    const hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    const sub = '"><svg onload=alert(3)>';
    const person = await on.connect(sub, hostile);
    const { id } = await on.daemon.group(hostile, [sub]);
    const { page, at, troubles, close } = await on.tab();
    for (const route of ["overview", "sessions", "rooms", `rooms/${id}`, "presence", "actors", `find?q=${encodeURIComponent(sub)}`, `sessions/${person.hello.sessionId}`]) {
      await at(route);
      if (/sessions|presence|find|rooms\//.test(route)) await page.getByText(hostile).first().waitFor();
      expect(await page.locator("main img, main script, main svg:not(.plot)").count()).toBe(0);
    }
    await page.getByRole("button", { name: /^End session …/ }).click();
    await page.getByRole("dialog").getByText(hostile).waitFor();
    expect(await page.locator("dialog img").count()).toBe(0);
    expect(await troubles()).toEqual([]);
    person.socket.close();
    await close();
  });
});

describe("ending a session", () => {
  it("closes the one that was found by its user, after asking, with the keyboard alone", async () => {
    const { daemon, connect, tab } = on;
    const [driver, bystander] = [await connect("driver-8", "Driver 8"), await connect("driver-9", "Driver 9")];
    const { page, at, troubles, close } = await tab();
    await at("sessions");
    await soon(() => page.locator(".summary").textContent()).toBe("2 sessions");
    await page.getByRole("textbox", { name: "User", exact: true }).focus();
    await page.keyboard.type("driver-8");
    await page.keyboard.press("Enter");
    await soon(() => page.locator(".summary").textContent()).toBe("1 session");
    const end = page.getByRole("button", { name: /^End session …/ });
    const dialog = page.getByRole("dialog", { name: "End this session?" });

    await end.focus();
    await page.keyboard.press("Enter");
    await dialog.waitFor();
    expect(await dialog.textContent()).toContain(driver.hello.sessionId);
    expect(await dialog.textContent()).toContain("driver-8");
    // What is focused first does nothing.
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    expect(driver.socket.readyState).toBe(driver.socket.OPEN);
    expect(await end.evaluate((node) => node === document.activeElement)).toBe(true);

    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await driver.closed).toBe(4403);
    await dialog.getByText("Ended: the socket was closed with code 4403").waitFor();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByText("No session is open here").waitFor();
    await soon(() => page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    expect(bystander.socket.readyState).toBe(bystander.socket.OPEN);
    expect(await troubles(NO_ANSWER)).toEqual([]);
    bystander.socket.close();
    await close();
    expect(daemon.log()).toContain(`session ${driver.hello.sessionId} is ended by the admin`);
  });

  it("says what is true where the session had gone, or no answer comes", async () => {
    const person = await on.connect("driver-10", "Driver 10");
    const { page, at, close } = await on.tab();
    await at(`sessions/${person.hello.sessionId}`);
    const end = page.getByRole("button", { name: /^End session …/ });
    const dialog = page.getByRole("dialog");
    await end.click();
    await page.route("**/admin/sessions/*", (route) => (route.request().method() === "DELETE" ? route.abort() : route.continue()));
    await dialog.getByRole("button", { name: "End session" }).click();
    await dialog.getByText("No answer came. It is not known").waitFor();
    await page.unroute("**/admin/sessions/*");
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(person.socket.readyState).toBe(person.socket.OPEN);
    await end.click();
    person.socket.close();
    await person.closed;
    await until("the session is gone", async () => (await page.evaluate((id) => fetch(`sessions/${id}`, { headers: { authorization: `Bearer ${sessionStorage.getItem("tenfour-admin-token")}` } }).then((answer) => answer.status), person.hello.sessionId)) === 404);
    await dialog.getByRole("button", { name: "End session" }).click();
    await dialog.getByText("There is no such session any more").waitFor();
    // The view has nothing to show any more, and the focus goes to what is left.
    await page.getByRole("alert").filter({ hasText: "there is no such session" }).waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await soon(() => page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    await close();
  });
});
