import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDaemon } from "../../test/daemon.mjs";
import { TenfourServer, verifyWebhook, webhookRoute, WebhookVerificationError } from "../src/index.ts";
import type { WebhookEvent, WebhookEventOf } from "../src/index.ts";

// The example of the standard's own libraries.
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
const BODY = '{"test": 2432232314}';
const SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const HEADERS = { "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE };
const THEN = { now: 1614265330_000 };

test("what is signed as the standard has it is taken, however it comes", async () => {
  const { id, event } = await verifyWebhook(SECRET, HEADERS, BODY, THEN);
  expect([id, event]).toEqual([HEADERS["webhook-id"], { test: 2432232314 }]);
  const bytes = new TextEncoder().encode(BODY);
  for (const body of [bytes, bytes.buffer]) await verifyWebhook(SECRET, new Headers(HEADERS), body, THEN);
  await verifyWebhook(SECRET, { "Webhook-Id": HEADERS["webhook-id"], "Webhook-Timestamp": "1614265330", "Webhook-Signature": SIGNATURE }, BODY, THEN);
  // While a secret is changed: several of either.
  await verifyWebhook([OTHER, SECRET], HEADERS, BODY, THEN);
  await verifyWebhook(SECRET, { ...HEADERS, "webhook-signature": `v1,AAAA v2,x ${SIGNATURE}` }, BODY, THEN);
});

test("what is not is refused, and why", async () => {
  const refused = async (change: object, { secret = SECRET as string | string[], body = BODY, now = THEN.now } = {}) => {
    const error = await verifyWebhook(secret, { ...HEADERS, ...change }, body, { now }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(WebhookVerificationError);
    return (error as WebhookVerificationError).reason;
  };
  for (const name of Object.keys(HEADERS)) expect(await refused({ [name]: undefined })).toBe("headers");
  expect(await refused({ "webhook-signature": [SIGNATURE, SIGNATURE] })).toBe("headers");
  for (const seconds of [-301, 301]) expect(await refused({}, { now: THEN.now + seconds * 1000 })).toBe("timestamp");
  for (const timestamp of ["soon", "1e9", " 1614265330", "-1", "0x60"]) expect(await refused({ "webhook-timestamp": timestamp })).toBe("timestamp");
  for (const signature of [SIGNATURE.slice(3), `v2,${SIGNATURE.slice(3)}`, "v1,", "v1,%%%", "v1,AAAA", SIGNATURE.replace("g0", "h0")]) {
    expect(await refused({ "webhook-signature": signature })).toBe("signature");
  }
  expect(await refused({ "webhook-id": "msg_other" })).toBe("signature");
  expect(await refused({}, { body: `${BODY} ` })).toBe("signature");
  expect(await refused({}, { secret: OTHER })).toBe("signature");
  for (const secret of ["", "whsec_", "whsec_%", SECRET.slice(6), []]) expect(await refused({}, { secret })).toBe("secret");
  for (const seconds of [-299, 299]) await verifyWebhook(SECRET, HEADERS, BODY, { now: THEN.now + seconds * 1000 });
  await expect(verifyWebhook(SECRET, HEADERS, { test: 1 } as never, THEN)).rejects.toThrow("request.text()");
});

test("a body that is too long to be the daemon's is not read to its end", async () => {
  const events: WebhookEvent[] = [];
  const route = webhookRoute({ secrets: SECRET, on: (event) => void events.push(event), now: THEN.now });
  const post = (body: BodyInit, headers = {}) =>
    route(new Request("http://app.example/hook", { method: "POST", headers: { ...HEADERS, ...headers }, body, duplex: "half" } as RequestInit));
  let pulled = 0;
  const endless = () => new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(64 * 1024));
      if (pulled === 16) controller.close();
    },
  });
  expect((await post(endless())).status).toBe(413);
  expect(pulled).toBeLessThan(8);
  pulled = 0;
  expect((await post(endless(), { "content-length": String(1024 * 1024) })).status).toBe(413);
  // One piece at most, which the stream asks for by itself.
  expect(pulled).toBeLessThan(2);
  expect(events).toEqual([]);
  expect((await post(BODY)).status).toBe(204);
  expect(events.length).toBe(1);
});

/** A receiver on this machine. */
async function listening(route: (request: Request) => Promise<Response>) {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", async () => {
      const headers = new Headers(Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]));
      const answer = await route(new Request("http://app.example/hook", { method: "POST", headers, body: Buffer.concat(pieces) }));
      response.writeHead(answer.status).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, stop: () => server.close() };
}

let daemon: Awaited<ReturnType<typeof startDaemon>>;
let chat: TenfourServer;
beforeAll(async () => {
  daemon = await startDaemon({ env: { TENFOUR_WEBHOOK_ALLOW: "127.0.0.1" } });
  chat = new TenfourServer({ url: daemon.url, secret: daemon.secret });
});
afterAll(() => daemon?.stop());

test("a daemon's events arrive at a route, each with its type", async () => {
  const events: WebhookEvent[] = [];
  const secrets: string[] = [];
  const receiver = await listening(async (request) =>
    webhookRoute({ secrets, on: (event) => void events.push(event) })(request));
  const webhook = await chat.createWebhook({ url: receiver.url, events: ["message.sent", "channel.created"] });
  secrets.push(webhook.secret);
  const dock = await chat.createGroup("Dock", ["dispatcher", "driver"]);
  await chat.as("dispatcher").send(dock.id, "Gate 3 is free.");
  await expect.poll(() => events.length, { timeout: 10_000 }).toBe(2);
  const sent = events.find((event): event is WebhookEventOf<"message.sent"> => event.type === "message.sent")!;
  expect(sent.data.message.content).toBe("Gate 3 is free.");
  expect(sent.data.users.map(({ externalId }) => externalId)).toEqual(["dispatcher"]);
  expect(await chat.testWebhook(webhook.id)).toMatchObject({ delivered: true, status: 204 });
  // Not the daemon's: a route says so, and does nothing.
  const forged = await fetch(receiver.url, { method: "POST", body: "{}", headers: { ...HEADERS } });
  expect([forged.status, events.length]).toEqual([400, 3]);
  const rotated = await chat.rotateWebhookSecret(webhook.id);
  expect(rotated.secret).not.toBe(webhook.secret);
  expect(await chat.testWebhook(webhook.id)).toMatchObject({ delivered: true });
  expect(await chat.changeWebhook(webhook.id, { state: "disabled" })).toMatchObject({ state: "disabled" });
  expect(await chat.replayWebhook(webhook.id, { channelId: dock.id, fromVersion: 0 })).toEqual({ replayed: 1 });
  expect(await chat.webhookDeliveries(webhook.id)).toEqual({ failing: [], failed: [] });
  expect((await chat.webhooks()).map(({ id }) => id)).toEqual([webhook.id]);
  await chat.deleteWebhook(webhook.id);
  expect(await chat.webhooks()).toEqual([]);
  receiver.stop();
});
