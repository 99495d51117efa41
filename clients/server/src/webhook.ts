/**
 * Verifies what the daemon posts: signatures of Standard Webhooks, by Web Crypto, so that it runs in Node and on the edge.
 *
 * Nothing of an event is looked at before its signature is. Wants the body as it came: what was parsed and written again has other bytes.
 */
import type { components } from "./types.gen.ts";

/** Something that happened; `type` says what. A later release may have types that this one does not list. */
export type WebhookEvent = components["schemas"]["WebhookEvent"];
export type WebhookEventType = WebhookEvent["type"];

/** `WebhookEvent`s of one type. */
export type WebhookEventOf<T extends WebhookEventType> = Extract<WebhookEvent, { type: T }>;

/** A verified event, and the id under which each try of it comes: keep ids to leave out what came before. */
export interface VerifiedWebhook {
  id: string;
  event: WebhookEvent;
}

/** `Headers`, or what Node and frameworks make of them. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** How far the time of the signature may be from now, in seconds: what was recorded cannot be played back later. */
  toleranceSeconds?: number;
  /** In milliseconds, for tests. */
  now?: number;
}

export type WebhookProblem = "secret" | "headers" | "timestamp" | "signature" | "body";

/** It was not the daemon, or not now: answer 400 and do nothing else. */
export class WebhookVerificationError extends Error {
  constructor(
    readonly reason: WebhookProblem,
    message: string,
  ) {
    super(message);
    this.name = "WebhookVerificationError";
  }
}

const PREFIX = "whsec_";
const MIN_SECRET = 24;
const TOLERANCE = 300;
/** The daemon tells of what is longer by its head, of 20,000 bytes and a little. */
const MAX_BYTES = 256 * 1024;
const encoder = new TextEncoder();

/**
 * The event that was posted, or a `WebhookVerificationError`.
 *
 * `secrets`: what the daemon told when the webhook was made, such as `whsec_…`; several while one is being changed.
 * `rawBody`: the body's text or bytes as they came, such as `await request.text()`.
 */
export async function verifyWebhook(
  secrets: string | readonly string[],
  headers: WebhookHeaders,
  rawBody: string | Uint8Array | ArrayBuffer,
  { toleranceSeconds = TOLERANCE, now = Date.now() }: VerifyOptions = {},
): Promise<VerifiedWebhook> {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => header(headers, `webhook-${name}`));
  if (!id || !timestamp || !signatures) throw new WebhookVerificationError("headers", "webhook-id, webhook-timestamp or webhook-signature is missing");
  // Digits alone: what else a number may be written as was not signed by the daemon.
  const at = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : NaN;
  if (!(Math.abs(now / 1000 - at) <= toleranceSeconds)) throw new WebhookVerificationError("timestamp", "webhook-timestamp is too far from now: mind the clocks");
  const body = bytes(rawBody);
  const signed = joined(encoder.encode(`${id}.${timestamp}.`), body);
  const keys = await Promise.all((typeof secrets === "string" ? [secrets] : secrets).map(key));
  if (keys.length === 0) throw new WebhookVerificationError("secret", "there is no secret to verify with");
  if (!(await isSigned(keys, signatures, signed))) throw new WebhookVerificationError("signature", "no signature is by this secret: is it the secret of this webhook, and the body as it came?");
  try {
    return { id, event: JSON.parse(new TextDecoder().decode(body)) as WebhookEvent };
  } catch {
    throw new WebhookVerificationError("body", "the body is no JSON");
  }
}

/** `crypto.subtle.verify` takes as long for a wrong signature as for a right one. */
async function isSigned(keys: CryptoKey[], signatures: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  for (const one of signatures.split(" ")) {
    const signature = one.startsWith("v1,") ? decoded(one.slice(3)) : undefined;
    if (!signature) continue;
    for (const key of keys) if (await crypto.subtle.verify("HMAC", key, signature, signed)) return true;
  }
  return false;
}

function key(secret: string): Promise<CryptoKey> {
  const raw = secret.startsWith(PREFIX) ? decoded(secret.slice(PREFIX.length)) : undefined;
  // An empty key would be everybody's.
  if (!raw || raw.length < MIN_SECRET) throw new WebhookVerificationError("secret", "a secret is whsec_ and base64: set it to what the daemon told");
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function header(headers: WebhookHeaders, name: string): string | undefined {
  if (typeof headers.get === "function") return (headers as Headers).get(name) ?? undefined;
  const found = Object.entries(headers as Record<string, unknown>).find(([own]) => own.toLowerCase() === name)?.[1];
  return typeof found === "string" ? found : undefined;
}

function bytes(body: string | Uint8Array | ArrayBuffer): Uint8Array {
  if (typeof body === "string") return encoder.encode(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError("the body must be the text or the bytes that came: take await request.text(), not request.json()");
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

export interface WebhookRouteOptions extends VerifyOptions {
  /** The webhook's secret, or several; `TENFOUR_WEBHOOK_SECRET` unless given. */
  secrets?: string | readonly string[];
  /** A longer body is answered 413 and not read to its end: until it is verified, anybody may have sent it. */
  maxBytes?: number;
  /** What is to be done. What it throws has the event posted again. */
  on(event: WebhookEvent, id: string): void | Promise<void>;
}

/** The body's bytes; none where there are more than that, and then nothing of it is kept. */
async function limited(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return undefined;
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    length += piece.value.length;
    if (length > maxBytes) {
      // Whoever sends it hears of it by the answer.
      await reader?.cancel().catch(() => undefined);
      return undefined;
    }
    pieces.push(piece.value);
  }
  return pieces.reduce<Uint8Array>(joined, new Uint8Array());
}

/**
 * The route that takes events: 204 for what was taken, 400 for what is not the daemon's, 413 for what is too long to be.
 * It takes and gives the standard Request and Response, as Next.js and others have them.
 */
export function webhookRoute({ secrets, on, maxBytes = MAX_BYTES, ...options }: WebhookRouteOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const own = secrets ?? (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env.TENFOUR_WEBHOOK_SECRET ?? "";
    const body = await limited(request, maxBytes);
    if (!body) return new Response(`the body is longer than ${maxBytes} bytes`, { status: 413 });
    let verified: VerifiedWebhook;
    try {
      verified = await verifyWebhook(own, request.headers, body, options);
    } catch (error) {
      // A secret that is none is the application's own mistake, and the event is not lost by it.
      if (!(error instanceof WebhookVerificationError) || error.reason === "secret") throw error;
      return new Response(error.message, { status: 400 });
    }
    await on(verified.event, verified.id);
    return new Response(null, { status: 204 });
  };
}
