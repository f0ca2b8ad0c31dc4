// Dead letters of two places as those of one: what a relay keeps apart lies beside the outbox, and what a
// worker could not handle at the broker.
import type { DeadLetters } from "./job-queue.ts";
import { headOf } from "./letter-head.ts";
import { jobEngineLimits } from "./limits.ts";

/** Those of the first come first. A list that the first fills works while the second is away. */
export function joinLetters(first: DeadLetters, second: DeadLetters): DeadLetters {
  return {
    async list(pool, limit, query) {
      const near = await first.list(pool, limit, query);
      if (near.isCut) return near;
      const far = await second.list(pool, limit - near.letters.length, query);
      return { letters: [...near.letters, ...far.letters], isCut: far.isCut };
    },
    async count(pool, tenantId) {
      const counts = await Promise.all([first.count(pool, tenantId), second.count(pool, tenantId)]);
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async end(pool, { choose, goOn, ...look }, how) {
      const near = await first.list(pool, jobEngineLimits.countedMessages, look);
      const heads = near.letters.map(headOf);
      let chosen: readonly string[] = [];
      let isEnough = false;
      // Asked once, about all, before any of them ends.
      const ofSecond = await second.end(
        pool,
        {
          ...look,
          choose: (others, isAll) => {
            chosen = choose([...heads, ...others], isAll && !near.isCut);
            const theirs = new Set(others.map(({ id }) => id));
            return chosen.filter((id) => theirs.has(id));
          },
          async goOn(ids) {
            isEnough = (await goOn?.(ids)) === false;
            return !isEnough;
          },
        },
        how,
      );
      const ours = new Set(heads.map(({ id }) => id));
      const wanted = chosen.filter((id) => ours.has(id));
      if (wanted.length === 0 || isEnough) return ofSecond;
      const rest = { ...look, choose: () => wanted, ...(goOn === undefined ? {} : { goOn }) };
      const ofFirst = await first.end(pool, rest, how);
      return [...ofFirst, ...ofSecond];
    },
  };
}
