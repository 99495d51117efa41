/**
 * The store of one user, as the client uses it: bound once it is known who the user is, and never in the way. What it
 * cannot do is told as an `error`, and the client goes on from memory.
 */
import type { TenfourClient } from "./client.ts";
import { asError } from "./errors.ts";
import type { News, Saved, Store } from "./store.ts";
import type { Channel } from "./channel.ts";

const SAVE_AFTER = 1_000;

export class Kept {
  /** The `sub` of the token; whose data this is. */
  _user = "";
  private _bound: Promise<void> | null = null;
  private _unwatch: () => void = () => {};
  private _unsaved = new Set<Channel>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private readonly _hidden = () => {
    if (document.visibilityState === "hidden") void this._save();
  };

  constructor(
    private readonly _client: TenfourClient,
    readonly _store: Store,
  ) {
    globalThis.document?.addEventListener("visibilitychange", this._hidden);
  }

  /** For this user and no other. `restore` takes what was kept. */
  _bind(user: string, restore: (saved: Saved | undefined) => Promise<void>): Promise<void> {
    return (this._bound ??= (async () => {
      this._user = user;
      this._unwatch = this._store.watch(user, (news) => void this._client._sender._told(news));
      await restore(await this._try((store) => store.load(user)));
    })());
  }

  /** Undefined where there is no user yet, or the store failed. */
  async _try<T>(work: (store: Store, user: string) => Promise<T>): Promise<T | undefined> {
    if (!this._user) return undefined;
    try {
      return await work(this._store, this._user);
    } catch (error) {
      this._client._emit("error", asError(error, "store"));
      return undefined;
    }
  }

  _tell(news: News): void {
    if (this._user) this._store.tell(this._user, news);
  }

  _touch(channel: Channel): void {
    this._unsaved.add(channel);
    if (this._user) this._timer ??= setTimeout(() => void this._save(), SAVE_AFTER);
  }

  async _save(): Promise<void> {
    clearTimeout(this._timer);
    this._timer = undefined;
    const [saved, removed] = [[], []] as [ReturnType<Channel["_saved"]>[], string[]];
    for (const channel of this._unsaved) {
      if (channel._joined) saved.push(channel._saved());
      else removed.push(channel.id);
    }
    this._unsaved.clear();
    if (saved.length + removed.length > 0) {
      await this._try((store, user) => store.save(user, this._client.user, saved, removed));
    }
  }

  async _close(purge: boolean): Promise<void> {
    globalThis.document?.removeEventListener("visibilitychange", this._hidden);
    await this._bound;
    if (purge) {
      clearTimeout(this._timer);
      await this._try((store, user) => store.purge(user));
    } else await this._save();
    this._unwatch();
    this._user = "";
    this._store.close();
  }
}
