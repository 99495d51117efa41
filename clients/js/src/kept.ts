/**
 * The store of one user, as the client uses it: bound once it is known who the user is, and never in the way. What it
 * cannot do is told as an `error`, and the client goes on from memory.
 */
import { timer } from "./backoff.ts";
import type { Channel } from "./channel.ts";
import type { TenfourClient } from "./client.ts";
import { asError } from "./errors.ts";
import type { News, Saved, SavedChannel, Store } from "./store.ts";

const SAVE_AFTER = 1_000;

export class Kept {
  /** The `sub` of the token; whose data this is. */
  _user = "";
  private _bound: Promise<void> | undefined;
  private _unwatch: (() => void) | undefined;
  private readonly _unsaved = new Set<Channel>();
  private readonly _timer = timer();

  constructor(
    private readonly _client: TenfourClient,
    readonly _store: Store,
  ) {}

  /** For this user and no other. `restore` takes what was kept. */
  _bind(user: string, restore: (saved: Saved | undefined) => Promise<void>): Promise<void> {
    const bind = async () => {
      this._user = user;
      this._unwatch = this._store.watch(user, (news) => void this._client._sender._told(news));
      await restore(await this._try((store) => store.load(user)));
    };
    return (this._bound ??= bind());
  }

  /** Undefined where there is no user yet, or the store failed. */
  async _try<T>(work: (store: Store, user: string) => Promise<T>): Promise<T | undefined> {
    try {
      return this._user ? await work(this._store, this._user) : undefined;
    } catch (error) {
      this._client._emit("error", asError(error, "store"));
      return undefined;
    }
  }

  _tell(news: News): void {
    if (this._user) this._store.tell(this._user, news);
  }

  _touch(channel: Channel): void {
    if (!this._unsaved.size) this._timer(SAVE_AFTER, () => void this._save());
    this._unsaved.add(channel);
  }

  async _save(): Promise<void> {
    const saved: SavedChannel[] = [];
    const removed: string[] = [];
    for (const channel of this._unsaved) {
      if (channel._joined) saved.push(channel._saved());
      else removed.push(channel.id);
    }
    this._unsaved.clear();
    await this._try((store, user) => store.save(user, this._client.user, saved, removed));
  }

  async _close(purge: boolean): Promise<void> {
    await this._bound;
    this._timer();
    if (purge) await this._try((store, user) => store.purge(user));
    else await this._save();
    this._unwatch?.();
    this._user = "";
    this._store.close();
  }
}
