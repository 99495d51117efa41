/**
 * `@tenfour/client/record`: what a conversation has kept. Files, what messages said before they were edited, search,
 * reactions, and answers to what was asked for.
 *
 * Used by the application and the element beside a client, whose connection and token it shares; it holds no state of its
 * own. A module of its own, so that who needs none of it loads none of it: /sdk/record.js.
 */
import { TenfourError } from "@tenfour/client";
import type { Answer, AnswerKind, Attachment, ChatMessage, Instruction, Revisions, SearchPage, TenfourClient, Via } from "@tenfour/client";

export type { Answer, AnswerKind, Attachment, Deletion, Instruction, Reaction, Revision, Revisions, SearchHit, SearchPage } from "@tenfour/client";

export interface SearchQuery {
  q: string;
  channelId?: string | undefined;
  senderId?: string | undefined;
  /** Sent at this time or later; before this time. */
  from?: string | Date | undefined;
  to?: string | Date | undefined;
  /** Only with files, or only without. */
  hasAttachment?: boolean | undefined;
  limit?: number | undefined;
  /** Of the page before. */
  cursor?: string | undefined;
}

export interface InstructionQuery {
  channelId?: string | undefined;
  /** Only those that are for this user. */
  userId?: string | undefined;
  /** `open` unless given. With `userId`: what is open for that user. */
  state?: "open" | "overdue" | "all" | undefined;
  /** Only those older than this message: of the next page the last one of the page before. */
  before?: string | undefined;
  limit?: number | undefined;
}

export interface InstructionPage {
  readonly messages: readonly ChatMessage[];
  readonly hasMore: boolean;
}

/** Who stands where. */
export interface Standing extends Readonly<Record<AnswerKind, readonly Answer[]>> {
  /** Who has given no answer at all, and is in the channel. */
  readonly pending: readonly string[];
  /** Somebody in the channel has neither declined nor done it. */
  readonly open: boolean;
}

export interface Progress {
  readonly sent: number;
  readonly total: number;
}

/** What the daemon takes unless it is set otherwise. The daemon's answer is what counts. */
export const UPLOAD_BYTES = 10 * 1024 * 1024;
export const UPLOADS_PER_MESSAGE = 10;

/** An upload of which nothing more goes out, or a call that does not end, is given up after so many ms. */
const STALL = 60_000;
const WHOLE = 600_000;

/** All that a message has said, and who deleted it; `forbidden` for whom the channel does not show it. */
export function revisions(client: TenfourClient, messageId: string): Promise<Revisions> {
  return client.request("GET", `messages/${encodeURIComponent(messageId)}/revisions`);
}

/**
 * Stores a file, to be named in a message: `channel.send({ content, attachments: [await upload(client, file)] })`.
 *
 * Aborted it rejects with `cancelled`. Progress is told in browsers; elsewhere once it is done. What is never sent is
 * deleted by the daemon after a day.
 */
export function upload(
  client: TenfourClient,
  file: Blob,
  { name = (file as File).name ?? "", onProgress = () => {}, signal }: { name?: string; onProgress?: (progress: Progress) => void; signal?: AbortSignal | undefined } = {},
): Promise<Attachment> {
  const total = file.size;
  const told = (sent: number) => onProgress({ sent, total });
  const via: Via = globalThis.XMLHttpRequest
    ? (url, { method, headers }) => byRequest(url, method!, headers, file, told, signal)
    : async (url, init, fetch) => {
        const headers = { ...init.headers, "content-type": "application/octet-stream" };
        return fetch(url, { ...init, headers, body: file, signal: either(signal, WHOLE) });
      };
  return cancellable(signal, async () => {
    const attachment = await client.request<Attachment>("POST", `attachments?name=${encodeURIComponent(name)}`, undefined, via);
    told(total);
    return attachment;
  });
}

/** The bytes of a file, for who is in its channel now; `not_found` for everybody else. */
export function download(client: TenfourClient, id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Blob> {
  const via: Via = async (url, init, fetch) => {
    // The browser's cache would keep it beyond a sign-out.
    const answer = await fetch(url, { ...init, cache: "no-store", signal: either(signal, WHOLE) });
    const { ok, status } = answer;
    return { ok, status, json: () => (ok ? answer.blob() : answer.json()) };
  };
  return cancellable(signal, () => client.request<Blob>("GET", `attachments/${encodeURIComponent(id)}`, undefined, via));
}

/** Deletes a file that was uploaded by this user and is in no message. */
export function discard(client: TenfourClient, id: string): Promise<void> {
  return client.request("DELETE", `attachments/${encodeURIComponent(id)}`);
}

/** Messages of this user's channels that hold these words, newest first, in pages. */
export function search(client: TenfourClient, query: SearchQuery, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<SearchPage> {
  const via: Via = (url, init, fetch) => fetch(url, { ...init, signal: either(signal, STALL) });
  return cancellable(signal, () => client.request<SearchPage>("GET", `search?${asked(query)}`, undefined, via));
}

/** Leaves a sign or a short word on a message, or takes it back. The channel shows it as soon as the server tells of it. */
export async function react(client: TenfourClient, messageId: string, reaction: string, { remove = false }: { remove?: boolean } = {}): Promise<ChatMessage> {
  return changed(client, remove ? "DELETE" : "PUT", messageId, `reactions/${encodeURIComponent(reaction)}`);
}

/**
 * Answers what a message asks for. `accepted` and `declined` may be answered anew; what is `done` stays so (`conflict`).
 * `forbidden` for who is not asked.
 */
export function answer(client: TenfourClient, messageId: string, answer: AnswerKind, note?: string): Promise<ChatMessage> {
  return changed(client, "PUT", messageId, "answer", { answer, note });
}

/** Who has answered what, and whom one waits for; `memberIds` are those of the channel. */
export function standing({ assigneeIds, answers }: Instruction, memberIds: readonly string[]): Standing {
  const of = (kind: AnswerKind) => answers.filter(({ answer }) => answer === kind);
  const pending = assigneeIds.filter((id) => memberIds.includes(id) && !answers.some(({ userId }) => userId === id));
  const accepted = of("accepted");
  const open = pending.length > 0 || accepted.some(({ userId }) => memberIds.includes(userId));
  return { pending, accepted, declined: of("declined"), done: of("done"), open };
}

/** Messages of this user's channels that ask for an answer, newest first, in pages. */
export async function instructions(client: TenfourClient, query: InstructionQuery = {}): Promise<InstructionPage> {
  const { messages, hasMore } = await client.request<{ messages: Wire[]; hasMore: boolean }>("GET", `instructions?${asked(query)}`);
  return { messages: messages.map((message) => shown(client, message)), hasMore };
}

type Wire = Omit<ChatMessage, "key" | "status" | "mine">;

async function changed(client: TenfourClient, method: string, messageId: string, path: string, body?: unknown): Promise<ChatMessage> {
  return shown(client, await client.request<Wire>(method, `messages/${encodeURIComponent(messageId)}/${path}`, body));
}

/** As the client shows it. */
function shown({ user }: TenfourClient, message: Wire): ChatMessage {
  const mine = message.senderId === user?.id;
  return { ...message, key: mine ? message.clientId : message.id, status: "sent", mine };
}

/** What is given of a query. */
function asked(query: object): URLSearchParams {
  return new URLSearchParams(
    Object.entries(query).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value instanceof Date ? value.toISOString() : String(value)]],
    ),
  );
}

/** `fetch` tells no progress of what goes out. */
function byRequest(
  url: string,
  method: string,
  headers: Record<string, string>,
  file: Blob,
  told: (sent: number) => void,
  signal: AbortSignal | undefined,
): ReturnType<Via> {
  return new Promise((done, failed) => {
    // Given up while a token was asked for: of that nothing tells any more.
    if (signal?.aborted) return failed();
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout>;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALL);
    };
    const abort = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries({ ...headers, "content-type": "application/octet-stream" })) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded }) => {
      alive();
      told(loaded);
    };
    request.onload = () => {
      const { status, responseText } = request;
      done({ ok: status > 199 && status < 300, status, json: async () => JSON.parse(responseText) });
    };
    request.onerror = request.onabort = failed;
    request.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort);
    alive();
    request.send(file);
  });
}

/** Given up by the caller, or after a time. */
function either(signal: AbortSignal | undefined, ms: number): AbortSignal {
  const late = AbortSignal.timeout(ms);
  return signal ? AbortSignal.any([signal, late]) : late;
}

/** Rejects at once when the caller gives up, wherever it stands. */
function cancellable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (!signal) return work();
  return new Promise((done, failed) => {
    const cancel = () => failed(new TenfourError("cancelled"));
    if (signal.aborted) return cancel();
    signal.addEventListener("abort", cancel);
    work()
      .then(done, failed)
      .finally(() => signal.removeEventListener("abort", cancel));
  });
}
