/**
 * Does something again and again while the page can be seen: the next round begins so long after the last one began, or
 * when that has ended if it took longer. A hidden page asks nothing, and asks at once when it is seen again.
 */

export interface Poll {
  /** Begins a round now, giving up one that is under way. */
  now(): void;
  stop(): void;
}

export function poll(round: (signal: AbortSignal) => Promise<void>, everyMs: () => number): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  let stopped = false;

  const begin = async (): Promise<void> => {
    clearTimeout(timer);
    running?.abort();
    if (stopped || document.hidden) return;
    const mine = new AbortController();
    running = mine;
    const began = performance.now();
    try {
      await round(mine.signal);
    } finally {
      if (running === mine) {
        running = undefined;
        const rest = Math.max(0, everyMs() - (performance.now() - began));
        if (!stopped && !document.hidden) timer = setTimeout(() => void begin(), rest);
      }
    }
  };
  const seen = (): void => void begin();

  document.addEventListener("visibilitychange", seen);
  void begin();
  return {
    now: seen,
    stop: () => {
      stopped = true;
      document.removeEventListener("visibilitychange", seen);
      clearTimeout(timer);
      running?.abort();
    },
  };
}
