// Dead letters of two places as those of one: what a relay keeps apart lies beside the outbox, and what a
// worker could not handle at the broker.
import type { DeadLetters } from "./job-queue.ts";

/** Those of the first come first. What only the first is needed for works while the second is away. */
export function joinLetters(first: DeadLetters, second: DeadLetters): DeadLetters {
  return {
    async list(pool, limit, tenantId) {
      const letters = await first.list(pool, limit, tenantId);
      const left = limit - letters.length;
      return left <= 0 ? letters : [...letters, ...(await second.list(pool, left, tenantId))];
    },
    async count(pool, tenantId) {
      const counts = await Promise.all([first.count(pool, tenantId), second.count(pool, tenantId)]);
      return counts.reduce((sum, count) => sum + count, 0);
    },
    end: async (pool, id, how) => (await first.end(pool, id, how)) || (await second.end(pool, id, how)),
  };
}
