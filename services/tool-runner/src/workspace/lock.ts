// One holder per key at a time, in order of arrival.

import { AgentError } from "@ossaat/contracts";

export type KeyedLock = {
  /** Runs `work` alone among holders of the key. An aborted waiter never runs and leaves at once. */
  hold<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
};

export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>();
  return {
    hold(key, work, signal) {
      const before = tails.get(key) ?? Promise.resolve();
      let hasBegun = false;
      const mine = before.then(() => {
        signal?.throwIfAborted();
        hasBegun = true;
        return work();
      });
      // The place in the queue stays until those before are done; only the waiter leaves early.
      const tail = Promise.allSettled([mine]);
      tails.set(key, tail);
      void tail.finally(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      if (signal === undefined) return mine;
      const left = Promise.withResolvers<never>();
      const onAbort = (): void => {
        if (!hasBegun) left.reject(new AgentError("cancelled", "The call was cancelled while it waited."));
      };
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      return Promise.race([mine, left.promise]).finally(() => signal.removeEventListener("abort", onAbort));
    },
  };
}
