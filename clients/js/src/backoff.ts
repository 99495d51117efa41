/**
 * How long to wait before the next attempt. Used by the line and the outbox.
 *
 * Full jitter, so that a daemon that restarts is not met by all of its clients at once. `failures` in a row so far;
 * `unit` is random, from 0 up to 1.
 */
export function delay(failures: number, min: number, max: number, unit = Math.random()): number {
  return min + Math.min(max - min, min * 2 ** failures) * unit;
}

/** A UUID, version 4. `crypto.randomUUID` is missing on pages that come by plain http. */
export function uuid(): string {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
    (crypto.getRandomValues(new Uint8Array(1))[0]! & 15).toString(16),
  );
}

/** Something to be done later: what is set anew, or set to nothing, is not done any more. */
export type Timer = (ms?: number, call?: () => void) => void;

export function timer(): Timer {
  let id: ReturnType<typeof setTimeout> | undefined;
  return (ms, call) => {
    clearTimeout(id);
    id = call && setTimeout(call, ms);
  };
}

/** Who does not wait for it sees the state instead. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Fails with the signal, for a race with what may never come. */
export function late(signal: AbortSignal): Promise<never> {
  return quiet(
    new Promise((_, failed) => {
      signal.onabort = () => failed(signal.reason);
    }),
  );
}
