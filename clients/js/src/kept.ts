/**
 * The store of one user, as the client uses it: bound once it is known who the user is, and never in the way. What it
 * cannot do is told as an `error`, and the client goes on from memory.
 */
import { late, timer } from "./backoff.ts";
import type { Channel } from "./channel.ts";
import type { TenfourClient } from "./client.ts";
import { asError } from "./errors.ts";
import type { Saved, Store } from "./store.ts";
import { Limit } from "./limits.ts";

/** What a store does for a user, and takes along with who that is. */
type Task = "tell" | "load" | "save" | "entries" | "put" | "remove" | "purge" | "watch";
type Rest<K extends Task> = Parameters<Store[K]> extends [string, ...infer R] ? R : never;

export class Kept {
  /** The `sub` of the token; whose data this is. */
  _user = "";
  private _bound: Promise<void> | undefined;
  private readonly _dirty = new Set<Channel>();
  private readonly _timer = timer();

  constructor(
    private readonly _client: TenfourClient,
    readonly _store: Store | undefined,
  ) {}

  /** For this user and no other. `restore` takes what was kept. */
  _bind(user: string, restore: (saved: Saved | null | undefined) => Promise<void>): Promise<void> {
    return (this._bound ??= (async () => {
      this._user = user;
      void this._try("watch", (news) => void this._client._sender._told(news));
      await restore(await this._try("load"));
    })());
  }

  /** Null where there is nothing to tell; undefined where there is no user yet, or the store failed or does not answer. */
  async _try<K extends Task>(task: K, ...rest: Rest<K>): Promise<Awaited<ReturnType<Store[K]>> | null | undefined> {
    try {
      // Who never came to be known signs out too: then nothing is to be left of anybody.
      if (!this._user && task !== "purge") return undefined;
      const store = this._store as unknown as undefined | Record<K, (user: string, ...rest: Rest<K>) => ReturnType<Store[K]>>;
      return (store && (await Promise.race([store[task](this._user, ...rest), late(AbortSignal.timeout(Limit.Store))]))) ?? null;
    } catch (error) {
      this._client._emit("error", asError(error, "store"));
    }
  }

  _touch(channel: Channel): void {
    if (!this._dirty.size) this._timer(Limit.SaveAfter, () => void this._save());
    this._dirty.add(channel);
  }

  async _save(): Promise<void> {
    const all = [...this._dirty];
    this._dirty.clear();
    const saved = all.filter((channel) => channel._joined).map((channel) => channel._saved());
    const removed = all.filter((channel) => !channel._joined).map((channel) => channel.id);
    await this._try("save", this._client.user, saved, removed);
  }

  async _close(purge: boolean): Promise<void> {
    await this._bound;
    this._timer();
    if (purge) await this._try("purge");
    else await this._save();
    this._user = "";
    this._store?.close();
  }
}
