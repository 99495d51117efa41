/**
 * The bytes of files: fetched in the user's name, kept for a while, given to pictures, or saved.
 *
 * Used by messages, one for a view. Addresses of blobs live no longer than it takes to show or save them. It shows pictures
 * of pixels alone: what may hold script is never opened.
 */
import { download } from "@tenfour/client/record";
import type { Attachment } from "@tenfour/client/record";
import type { TenfourClient, TenfourError } from "@tenfour/client";
import { h } from "./dom.ts";

/** What is kept to be shown again, at most. */
const KEPT = 60;
const KEPT_BYTES = 64 * 1024 * 1024;
/** Downloads at a time: other calls need the line too. */
const AT_ONCE = 3;

const PIXELS = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export const isPicture = (contentType: string): boolean => PIXELS.has(contentType);

/** The page's policy shows no blobs. Found out by trying, once for all. */
let forbidden = false;
export const mayShow = (): boolean => !forbidden;

if (globalThis.document) {
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
    if (effectiveDirective === "img-src" && blockedURI.startsWith("blob")) forbidden = true;
  });
}

/** Shows a blob; resolves to whether that went well. Its address is let go of at once. */
export function showBlob(image: HTMLImageElement, blob: Blob): Promise<boolean> {
  const url = URL.createObjectURL(blob);
  return new Promise<boolean>((done) => {
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

interface Task {
  readonly attachment: Attachment;
  readonly wanted: () => boolean;
  readonly done: (blob: Blob | null) => void;
}

export class Files {
  private readonly _kept = new Map<string, Blob>();
  private readonly _waiting: Task[] = [];
  /** Those that may come with the next connection. */
  private readonly _later: Task[] = [];
  private readonly _off: () => void;
  private _busy = 0;
  private readonly _ending = new AbortController();

  constructor(private readonly _client: TenfourClient) {
    this._off = _client.on("connection.changed", ({ synced }) => {
      if (!synced) return;
      this._waiting.push(...this._later.splice(0));
      this._next();
    });
  }

  _stop(): void {
    this._off();
    this._ending.abort();
    this._kept.clear();
    this._waiting.length = this._later.length = 0;
  }

  private _keep(id: string, blob: Blob): void {
    this._kept.set(id, blob);
    let bytes = [...this._kept.values()].reduce((sum, { size }) => sum + size, 0);
    for (const [oldest, { size }] of this._kept) {
      if (this._kept.size <= KEPT && bytes <= KEPT_BYTES) break;
      this._kept.delete(oldest);
      bytes -= size;
    }
  }

  /**
   * For a picture, unless it is not `wanted` any more once it has its turn; null where it will not come. The last asked comes first. What
   * may come later is asked for again with the next connection.
   */
  _picture(attachment: Attachment, wanted: () => boolean): Promise<Blob | null> {
    const kept = this._kept.get(attachment.id);
    if (kept) return Promise.resolve(kept);
    return new Promise((done) => {
      this._waiting.push({ attachment, wanted, done });
      this._next();
    });
  }

  /** Fails as the call does. */
  async _get({ id, contentType }: Attachment): Promise<Blob> {
    const kept = this._kept.get(id);
    if (kept) return kept;
    const blob = await download(this._client, id, { signal: this._ending.signal });
    // Its type is what was told with the message, and not what an answer says.
    return new Blob([blob], { type: isPicture(contentType) ? contentType : "application/octet-stream" });
  }

  /** Into the reader's folder, by the browser's own means. */
  async _save(attachment: Attachment): Promise<void> {
    const blob = await this._get(attachment);
    const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
    h("a", { href: url, download: attachment.name }).click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  private _next(): void {
    while (this._busy < AT_ONCE && this._waiting.length > 0) {
      const task = this._waiting.pop()!;
      const { attachment, wanted, done } = task;
      if (!wanted()) {
        done(null);
        continue;
      }
      this._busy++;
      this._get(attachment)
        .then((blob) => {
          this._keep(attachment.id, blob);
          done(blob);
        })
        .catch((error: TenfourError) => {
          if (error.retryable) this._later.push(task);
          else done(null);
        })
        .finally(() => {
          this._busy--;
          this._next();
        });
    }
  }
}
