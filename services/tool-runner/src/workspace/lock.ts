// One holder per key at a time, in order of arrival.

export type KeyedLock = {
  /** Runs `work` alone among holders of the key. An aborted waiter never runs. */
  hold<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
};

export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>();
  return {
    hold(key, work, signal) {
      const before = tails.get(key) ?? Promise.resolve();
      const mine = before.then(() => {
        signal?.throwIfAborted();
        return work();
      });
      const tail = Promise.allSettled([mine]);
      tails.set(key, tail);
      void tail.finally(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return mine;
    },
  };
}
