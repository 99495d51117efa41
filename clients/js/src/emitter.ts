/** Calls back on named events. A callback that throws is told to the runtime, and harms nobody else. */
export class Emitter<Events> {
  private readonly _all = new Map<keyof Events, Set<(event: never) => void>>();

  _on<K extends keyof Events>(name: K, callback: (event: Events[K]) => void, signal?: AbortSignal): () => void {
    const listener = (event: Events[K]) => callback(event);
    const set = this._all.get(name) ?? new Set();
    this._all.set(name, set);
    const off = () => void set.delete(listener);
    if (!signal?.aborted) set.add(listener);
    signal?.addEventListener("abort", off, { once: true });
    return off;
  }

  _emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of [...(this._all.get(name) ?? [])] as ((event: Events[K]) => void)[]) guarded(() => listener(event));
  }
}

/** A fault of the application's is reported as an uncaught one, after the client has done its own work. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
