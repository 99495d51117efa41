/**
 * `@tenfour/client/indexeddb`: keeps the outbox and the newest messages in the browser, for all of its tabs.
 *
 * One object store, by [user, kind, id]: "entry" (waits to be sent), "channel", "me". Tabs take turns by the Web Locks of
 * the browser and tell each other by BroadcastChannel; where these are missing (pages by plain http have no locks), the
 * server still keeps each message single.
 */
import { quiet } from "./backoff.ts";
import type { Entry, News, SavedChannel, Store } from "./store.ts";
import type { User } from "./types.ts";

const all = (...key: string[]) => IDBKeyRange.bound(key, [...key, []]);

/** `name` tells apart the daemons that one page talks to. */
export function indexedDbStore({ name = "tenfour" } = {}): Store {
  let news: BroadcastChannel | undefined;

  const opened = quiet(
    new Promise<IDBDatabase>((done, failed) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => void request.result.createObjectStore("kept");
      request.onsuccess = () => {
        const db = request.result;
        // A newer version in another tab is not held up by this one.
        db.onversionchange = () => db.close();
        done(db);
      };
      request.onerror = () => failed(request.error);
    }),
  );

  /** One transaction, done when it is on disk. */
  async function run<T>(work: (kept: IDBObjectStore) => IDBRequest<T> | void): Promise<T> {
    const transaction = (await opened).transaction("kept", "readwrite");
    const request = work(transaction.objectStore("kept"));
    return new Promise((done, failed) => {
      transaction.oncomplete = () => done(request?.result as T);
      transaction.onabort = () => failed(transaction.error);
    });
  }

  return {
    async load(user) {
      return { me: (await run<User | undefined>((kept) => kept.get([user, "me"]))) ?? null, channels: await run<SavedChannel[]>((kept) => kept.getAll(all(user, "channel"))) };
    },
    save: (user, me, channels, removed) =>
      run((kept) => {
        if (me) kept.put(me, [user, "me"]);
        for (const channel of channels) kept.put(channel, [user, "channel", channel.id]);
        for (const id of removed) kept.delete([user, "channel", id]);
      }),
    entries: (user) => run<Entry[]>((kept) => kept.getAll(all(user, "entry"))),
    put: (user, entry) => run((kept) => kept.put(entry, [user, "entry", entry.clientId])),
    remove: (user, clientId) => run((kept) => kept.delete([user, "entry", clientId])),
    lock: (user, work) => globalThis.navigator?.locks?.request(`${name}:${user}`, work) ?? work(),
    tell: (_user, what) => news?.postMessage(what),
    watch(user, told) {
      news = new BroadcastChannel(`${name}:${user}`);
      news.onmessage = ({ data }: MessageEvent<News>) => told(data);
    },
    purge: (user) => run((kept) => kept.delete(user ? all(user) : all())),
    close() {
      news?.close();
      void quiet(opened.then((db) => db.close()));
    },
  };
}
