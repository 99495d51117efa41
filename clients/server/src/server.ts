/**
 * The daemon's REST surface for the application's server: as nobody, or as one of the users.
 *
 * Signs its own calls with short-lived tokens of scope `admin`. Never retries: whoever calls knows whether that is wanted,
 * and `retryable` says whether it may help. A send is safe to repeat with the same `clientId`.
 */
import { mintToken } from "./token.ts";
import type { components } from "./types.gen.ts";
import type { WebhookEventType } from "./webhook.ts";

type Schemas = components["schemas"];
export type Channel = Schemas["Channel"];
export type Member = Schemas["Member"];
export type Message = Schemas["Message"];
export type Role = Schemas["Role"];
export type Webhook = Schemas["Webhook"];
export type WebhookWithSecret = Schemas["WebhookWithSecret"];
export type WebhookTest = Schemas["Tested"];
export type Deliveries = Schemas["Deliveries"];
export type Replay = Schemas["Replay"];

export interface ServerOptions {
  /** Of the daemon, such as `http://127.0.0.1:8080`. */
  url: string;
  /** The daemon's `TENFOUR_JWT_SECRET`. */
  secret: string;
  issuer?: string;
  audience?: string;
  keyId?: string;
  /** How long a call may take. */
  timeoutMs?: number;
  fetch?: typeof fetch;
}

export interface NewMessage {
  content: string;
  contentType?: string;
  replyToId?: string;
  /** The idempotency key; made up unless given. */
  clientId?: string;
}

export interface NewWebhook {
  url: string;
  /** Names of events; all of them unless given. */
  events?: (WebhookEventType | "*")[];
}

export interface WebhookChange extends Partial<NewWebhook> {
  state?: "active" | "disabled";
}

/** What the daemon answered that was no success. */
export class TenfourServerError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly retryable: boolean,
    readonly retryAfterMs?: number,
  ) {
    super(message);
    this.name = "TenfourServerError";
  }
}

export class TenfourServer {
  readonly #options: ServerOptions;
  readonly #as: string | undefined;
  #token: { text: string; until: number } | undefined;

  constructor(options: ServerOptions, as?: string) {
    this.#options = { ...options, url: options.url.replace(/\/$/, "") };
    this.#as = as;
  }

  /** The same calls in a user's name: the application's own id, or the UUID. They can do what that user can. */
  as(userId: string): TenfourServer {
    return new TenfourServer(this.#options, userId);
  }

  /** A group. Users that no token has named yet become placeholders; the server itself is no member. */
  createGroup(name: string, memberIds: string[]): Promise<Channel> {
    return this.#call("POST", "/channels", { type: "group", name, memberIds });
  }

  /** The channel of two users; made where there is none. */
  direct(first: string, second: string): Promise<Channel> {
    return this.#call("POST", "/channels", { type: "direct", memberIds: [first, second] });
  }

  channel(channelId: string): Promise<Channel> {
    return this.#call("GET", `/channels/${segment(channelId)}`);
  }

  /** As a user: all of theirs. As nobody: every channel there is, in pages. */
  channels({ after, limit }: { after?: string; limit?: number } = {}): Promise<Schemas["Channels"]> {
    return this.#call("GET", `/channels${query({ after, limit })}`);
  }

  renameChannel(channelId: string, name: string): Promise<Channel> {
    return this.#call("PATCH", `/channels/${segment(channelId)}`, { name });
  }

  members(channelId: string): Promise<Member[]> {
    return this.#call<Schemas["Members"]>("GET", `/channels/${segment(channelId)}/members`).then(({ members }) => members);
  }

  addMembers(channelId: string, userIds: string[]): Promise<Channel> {
    return this.#call("POST", `/channels/${segment(channelId)}/members`, { userIds });
  }

  removeMember(channelId: string, userId: string): Promise<void> {
    return this.#call("DELETE", `/channels/${segment(channelId)}/members/${segment(userId)}`);
  }

  setRole(channelId: string, userId: string, role: Role): Promise<Channel> {
    return this.#call("PATCH", `/channels/${segment(channelId)}/members/${segment(userId)}`, { role });
  }

  /** Newest first; with `after` oldest first. */
  messages(
    channelId: string,
    { before, after, limit }: { before?: number; after?: number; limit?: number } = {},
  ): Promise<Schemas["Messages"]> {
    return this.#call("GET", `/channels/${segment(channelId)}/messages${query({ before, after, limit })}`);
  }

  /** Sends as the user of `as`. */
  send(channelId: string, message: string | NewMessage): Promise<Message> {
    const body = typeof message === "string" ? { content: message } : message;
    return this.#call("POST", `/channels/${segment(channelId)}/messages`, { clientId: crypto.randomUUID(), ...body });
  }

  editMessage(messageId: string, content: string): Promise<Message> {
    return this.#call("PATCH", `/messages/${segment(messageId)}`, { content });
  }

  deleteMessage(messageId: string): Promise<Message> {
    return this.#call("DELETE", `/messages/${segment(messageId)}`);
  }

  webhooks(): Promise<Webhook[]> {
    return this.#call<Schemas["Webhooks"]>("GET", "/webhooks").then(({ webhooks }) => webhooks);
  }

  /** Has events posted there from now on. The answer has the secret, which is told this once. */
  createWebhook(webhook: NewWebhook): Promise<WebhookWithSecret> {
    return this.#call("POST", "/webhooks", webhook);
  }

  changeWebhook(webhookId: string, change: WebhookChange): Promise<Webhook> {
    return this.#call("PATCH", `/webhooks/${segment(webhookId)}`, change);
  }

  deleteWebhook(webhookId: string): Promise<void> {
    return this.#call("DELETE", `/webhooks/${segment(webhookId)}`);
  }

  /** A new secret; the one before signs too for a day, or for as long as is said. */
  rotateWebhookSecret(webhookId: string, options: { previousValidSeconds?: number } = {}): Promise<WebhookWithSecret> {
    return this.#call("POST", `/webhooks/${segment(webhookId)}/secret`, options);
  }

  testWebhook(webhookId: string): Promise<WebhookTest> {
    return this.#call("POST", `/webhooks/${segment(webhookId)}/test`);
  }

  /** Has events posted again: a channel's from a version on, all since a time, or those that were given up. */
  replayWebhook(webhookId: string, what: Replay): Promise<Schemas["Replayed"]> {
    return this.#call("POST", `/webhooks/${segment(webhookId)}/replay`, what);
  }

  /** What of a webhook fails, and what was given up. */
  webhookDeliveries(webhookId: string, { limit }: { limit?: number } = {}): Promise<Deliveries> {
    return this.#call("GET", `/webhooks/${segment(webhookId)}/deliveries${query({ limit })}`);
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { url, timeoutMs = 15_000, fetch: call = fetch } = this.#options;
    const headers: Record<string, string> = { authorization: `Bearer ${await this.#bearer()}` };
    if (this.#as !== undefined) headers["tenfour-user"] = utf8(this.#as);
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await call(`${url}/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await answer.text();
    if (answer.ok) return (text ? JSON.parse(text) : undefined) as T;
    throw refused(answer.status, text);
  }

  /** One token serves many calls. */
  async #bearer(): Promise<string> {
    if (!this.#token || this.#token.until < Date.now()) {
      const { secret, issuer, audience, keyId } = this.#options;
      const options = { scope: "admin", ttlSeconds: 300, ...(issuer && { issuer }), ...(audience && { audience }), ...(keyId && { keyId }) } as const;
      this.#token = { text: await mintToken(secret, { id: "tenfour-server", name: "Server" }, options), until: Date.now() + 240_000 };
    }
    return this.#token.text;
  }
}

function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter((entry) => entry[1] !== undefined);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/** The daemon's problem body, or what a proxy in between made of it. */
function refused(status: number, text: string): TenfourServerError {
  let problem: Partial<Schemas["Problem"]> = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // Not the daemon's.
  }
  const { code = "unavailable", detail = `the server answered ${status}`, retryable = status > 499, retryAfterMs } = problem;
  return new TenfourServerError(code, detail, status, retryable, retryAfterMs ?? undefined);
}

/** An id as a part of a path, whatever somebody made it say: it can lead nowhere else. */
function segment(id: string): string {
  if (/^\.{0,2}$/.test(id)) throw new TypeError(`${JSON.stringify(id)} is no id`);
  return encodeURIComponent(id);
}

/** `fetch` takes bytes as characters, and the daemon reads UTF-8. */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
