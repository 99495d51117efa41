import { expect, test } from "vitest";
import { until } from "../../test/daemon.mjs";
import { startProxy } from "../../test/proxy.mjs";
import { UnauthorizedError } from "../src/index.ts";
import { client, connected, daemon, useDaemon } from "./help.ts";

useDaemon();

const BAD = "wrong wrong wrong wrong wrong wrong wrong";

test("a token that ends is replaced on the open line", async () => {
  const proxy = await startProxy(daemon.port);
  const reasons: string[] = [];
  const driver = await connected(daemon, "driver", {
    url: proxy.url,
    getToken: ({ reason }) => {
      reasons.push(reason);
      return daemon.token("driver", { ttl: 4 });
    },
  });
  const changes: string[] = [];
  driver.on("connection.changed", ({ state }) => changes.push(state));
  // Longer than the first token, and the server's leeway of 5 s, last.
  await until("several were asked for", () => reasons.length >= 5, 20_000);
  expect(new Set(reasons.slice(1))).toEqual(new Set(["expiring"]));
  expect([proxy.connections(), changes]).toEqual([1, []]);
  await driver.channels.list();
  await proxy.stop();
});

test("where no fresh token came in time the server closes, and the next one opens again", async () => {
  let down = false;
  const driver = await connected(daemon, "driver", {
    getToken: () => {
      if (down) throw new Error("the route is down");
      return daemon.token("driver", { ttl: 1 });
    },
  });
  down = true;
  await until("the server closed", () => driver.connection.state === "connecting", 12_000);
  await until("it could not ask", () => driver.connection.reason?.code === "token_unavailable");
  expect(driver.connection.reason?.message).toBe("the route is down");
  down = false;
  await until("it is back", () => driver.connection.synced);
});

test.each([
  ["a page that says something else", "not signed in"],
  ["a token with the end of its line", "a.b.c\n"],
  ["nothing", undefined],
])("what is no token is asked for again: %s", async (_, wrong) => {
  let asked = 0;
  const seen: unknown[] = [];
  const driver = client(daemon, "driver", {
    getToken: () => (++asked < 3 ? (wrong as string) : daemon.token("driver")),
  });
  driver.on("connection.changed", ({ reason }) => reason && seen.push(reason.code));
  await driver.connect();
  expect(asked).toBe(3);
  expect(new Set(seen)).toEqual(new Set(["token_unavailable"]));
});

test("what is no token does not replace the one that is held", async () => {
  let asked = 0;
  const driver = await connected(daemon, "driver", {
    getToken: () => (++asked === 2 ? "not signed in" : daemon.token("driver", { ttl: asked === 1 ? 3 : 60 })),
  });
  await until("it asked for a fresh one", () => asked === 2);
  await driver.channels.list();
  expect(driver.connection.state).toBe("connected");
});

test("UnauthorizedError stops the client, and nothing else does", async () => {
  let asked = 0;
  const driver = client(daemon, "driver", {
    getToken: async () => {
      asked++;
      if (asked < 3) throw new Error("not now");
      throw new UnauthorizedError("signed out");
    },
  });
  await expect(driver.connect()).rejects.toMatchObject({ code: "unauthorized", message: "signed out" });
  expect(driver.connection).toMatchObject({ state: "disconnected", reason: { code: "unauthorized" } });
  expect(asked).toBe(3);
});

test("UnauthorizedError at a refresh ends the open line", async () => {
  let out = false;
  const driver = await connected(daemon, "driver", {
    getToken: () => {
      if (out) throw new UnauthorizedError();
      return daemon.token("driver", { ttl: 2 });
    },
  });
  out = true;
  await until("it stopped", () => driver.connection.state === "disconnected");
  expect(driver.connection.reason?.code).toBe("unauthorized");
});

test("a token that the server refuses is replaced once; a second refusal is final", async () => {
  const reasons: string[] = [];
  const good = await connected(daemon, "driver", {
    getToken: ({ reason }) => {
      reasons.push(reason);
      return daemon.token("driver", reason === "rejected" ? {} : { secret: BAD });
    },
  });
  expect(reasons).toEqual(["connect", "rejected"]);
  expect(good.connection.synced).toBe(true);
  const bad = client(daemon, "driver", { getToken: () => daemon.token("driver", { secret: BAD }) });
  await expect(bad.connect()).rejects.toMatchObject({ code: "unauthorized" });
});

test("a REST call with a token that is refused gets a fresh one, once", async () => {
  const reasons: string[] = [];
  const driver = client(daemon, "driver", {
    getToken: ({ reason }) => {
      reasons.push(reason);
      return daemon.token("driver", reason === "rejected" ? {} : { secret: BAD });
    },
  });
  await driver.channels.list();
  expect(reasons).toEqual(["connect", "rejected"]);
});

test("a callback that hangs is given up, and its signal says so", async () => {
  let signalled = 0;
  let asked = 0;
  const driver = client(daemon, "driver", {
    connectTimeout: 200,
    getToken: ({ signal }) => {
      asked++;
      if (asked > 1) return daemon.token("driver");
      signal.addEventListener("abort", () => signalled++);
      return new Promise(() => {});
    },
  });
  await driver.connect();
  expect([asked, signalled]).toEqual([2, 1]);
});

test("a token of another user is not taken by the same client", async () => {
  let sub = "driver";
  const driver = await connected(daemon, "driver", { getToken: () => daemon.token(sub, { ttl: 2 }) });
  sub = "mechanic";
  await until("it stopped", () => driver.connection.state === "disconnected");
  expect(driver.connection.reason?.code).toBe("user_changed");
});

test("who is removed by an admin does not come back by themselves", async () => {
  const driver = await connected(daemon, "mechanic");
  const headers = { authorization: `Bearer ${daemon.token("operator", { scope: "admin" })}` };
  const answer = await (await fetch(`${daemon.adminUrl}/admin/sessions`, { headers })).json();
  const list: { id?: string; sessionId?: string; userId?: string; user?: { id: string } }[] = answer.sessions;
  const session = list.find((it) => (it.userId ?? it.user?.id) === driver.user!.id)!;
  await fetch(`${daemon.adminUrl}/admin/sessions/${session.id ?? session.sessionId}`, { method: "DELETE", headers });
  await until("it stopped", () => driver.connection.state === "disconnected");
  expect(driver.connection.reason?.code).toBe("removed");
  await driver.connect();
});
