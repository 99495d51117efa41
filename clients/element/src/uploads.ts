/**
 * Files on their way to the server, per channel, for the message that is being written.
 *
 * Made by the element beside the drafts, which keep what is uploaded: both outlast a view. It uploads a few at a time, and
 * says which channel has changed. Shown by the composer.
 */
import { discard, upload, UPLOAD_BYTES, UPLOADS_PER_MESSAGE } from "@tenfour/client/record";
import type { Attachment } from "@tenfour/client/record";
import type { TenfourClient, TenfourError } from "@tenfour/client";
import type { Drafts } from "./drafts.ts";

/** At a time: the daemon takes four of one user, who may have another tab. */
const AT_ONCE = 2;

export interface Upload {
  readonly key: string;
  readonly channel: string;
  readonly name: string;
  readonly size: number;
  /** Null where it was uploaded before a reload. */
  readonly file: File | null;
  state: "waiting" | "sending" | "failed" | "done";
  sent: number;
  attachment: Attachment | null;
  error: TenfourError | null;
}

/** Why files were not taken: the first that was too large or empty, or that they are too many. */
export type Refused = { readonly why: "large" | "empty" | "many"; readonly name: string; readonly most: number } | null;

export class Uploads {
  /** Told after each change. */
  _changed: (channel: string, upload?: Upload) => void = () => {};
  /** Channels whose message is sent as soon as its files are uploaded. */
  readonly _waiting = new Set<string>();
  private readonly _held = new Map<string, Upload[]>();
  private readonly _running = new Map<Upload, AbortController>();
  private _client: TenfourClient | null = null;
  private _last = 0;

  constructor(private readonly _drafts: Drafts) {}

  _bind(client: TenfourClient): void {
    this._client = client;
    this._next();
  }

  /** Nothing more goes out. */
  _stop(): void {
    for (const controller of this._running.values()) controller.abort();
    this._held.clear();
    this._waiting.clear();
    this._changed = () => {};
    this._client = null;
  }

  _of(channel: string): readonly Upload[] {
    const held = this._held.get(channel) ?? [];
    // The drafts may have become known since, or were given something back.
    const known = new Set(held.map(({ attachment }) => attachment?.id));
    const kept = (this._drafts._get(channel).files ?? []).filter(({ id }) => !known.has(id));
    if (kept.length === 0) return held;
    const before = kept.map((attachment): Upload => this._upload(channel, attachment.name, attachment.size, null, attachment));
    this._held.set(channel, [...before, ...held]);
    return this._held.get(channel)!;
  }

  /** Some are not uploaded yet. */
  _pending(channel: string): boolean {
    return this._of(channel).some(({ state }) => state !== "done");
  }

  /** Takes what may be taken. */
  _add(channel: string, files: readonly File[]): Refused {
    let refused: Refused = null;
    const held = [...this._of(channel)];
    for (const file of files) {
      const { name, size } = file;
      if (held.length >= UPLOADS_PER_MESSAGE) refused ??= { why: "many", name, most: UPLOADS_PER_MESSAGE };
      else if (size > UPLOAD_BYTES) refused ??= { why: "large", name, most: UPLOAD_BYTES };
      else if (size === 0) refused ??= { why: "empty", name, most: 0 };
      else held.push(this._upload(channel, name, size, file, null));
    }
    this._held.set(channel, held);
    this._changed(channel);
    this._next();
    return refused;
  }

  /** Breaks it off, or lets go of what is uploaded. */
  _remove(upload: Upload): void {
    const { channel, attachment } = upload;
    this._held.set(channel, this._of(channel).filter((it) => it !== upload));
    // Once all of it has gone out the server keeps it: its name comes with the answer, and it is let go of by that.
    if (upload.sent < upload.size) this._running.get(upload)?.abort();
    if (attachment && this._client) discard(this._client, attachment.id).catch(() => {});
    this._keep(channel);
    this._changed(channel);
    this._next();
  }

  _retry(upload: Upload): void {
    if (upload.state !== "failed") return;
    Object.assign(upload, { state: "waiting", error: null, sent: 0 });
    this._changed(upload.channel);
    this._next();
  }

  /** What is uploaded goes into a message, and is of no concern here any more. */
  _take(channel: string): Attachment[] {
    const taken = this._of(channel).flatMap(({ attachment }) => attachment ?? []);
    this._held.delete(channel);
    this._keep(channel);
    this._changed(channel);
    return taken;
  }

  private _upload(channel: string, name: string, size: number, file: File | null, attachment: Attachment | null): Upload {
    const state = attachment ? "done" : "waiting";
    return { key: `u${++this._last}`, channel, name, size, file, state, sent: attachment ? size : 0, attachment, error: null };
  }

  private _keep(channel: string): void {
    const files = (this._held.get(channel) ?? []).flatMap(({ attachment }) => attachment ?? []);
    this._drafts._set(channel, { ...this._drafts._get(channel), files: files.length > 0 ? files : undefined });
  }

  private _next(): void {
    const waiting = [...this._held.values()].flat().filter(({ state }) => state === "waiting");
    for (const upload of waiting.slice(0, Math.max(0, AT_ONCE - this._running.size))) {
      if (this._client) void this._run(this._client, upload);
    }
  }

  private async _run(client: TenfourClient, it: Upload): Promise<void> {
    const controller = new AbortController();
    this._running.set(it, controller);
    it.state = "sending";
    this._changed(it.channel);
    const there = () => this._held.get(it.channel)?.includes(it) === true;
    try {
      const attachment = await upload(client, it.file!, {
        name: it.name,
        signal: controller.signal,
        onProgress: ({ sent }) => {
          it.sent = sent;
          if (there()) this._changed(it.channel);
        },
      });
      // It was taken back while the answer was on its way.
      if (!there()) discard(client, attachment.id).catch(() => {});
      it.attachment = attachment;
      it.state = "done";
    } catch (error) {
      it.error = error as TenfourError;
      it.state = "failed";
    }
    this._running.delete(it);
    if (there()) {
      this._keep(it.channel);
      this._changed(it.channel, it);
    }
    this._next();
  }
}
