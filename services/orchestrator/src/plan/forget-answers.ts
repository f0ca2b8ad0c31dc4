// Forgets the answers to commands whose time is over, which nobody can ask for any more.
import type { Engine } from "../job/engine.ts";
import { storeTime } from "../job/store-time.ts";
import type { CleanUp } from "../job/sweeper.ts";
import { planFeatureLimits } from "./limits.ts";

async function forgetSome({ store, clock }: Engine): Promise<number> {
  const now = storeTime({ store, clock });
  return store.tx(async (tx) => {
    const gone = await tx
      .deleteFrom("idem")
      .where((eb) =>
        eb(
          eb.refTuple("tenant_id", "key"),
          "in",
          eb
            .selectFrom("idem")
            .select(["tenant_id", "key"])
            .where("expires_at", "<=", now)
            .orderBy("expires_at")
            .limit(planFeatureLimits.forgottenAnswers)
            .$asTuple("tenant_id", "key"),
        ),
      )
      // NOTE: asked again of the row itself, because its key may have been taken anew meanwhile.
      .where("expires_at", "<=", now)
      .returning("key")
      .execute();
    return gone.length;
  });
}

/** Forgets a limited number at once, and looks again after a while when there were fewer. */
export function createAnswerSweep(engine: Engine): CleanUp {
  let dueAt = Number.NEGATIVE_INFINITY;
  return async function forgetAnswers() {
    const now = engine.clock.monotonic();
    if (now < dueAt) return;
    const count = await forgetSome(engine);
    if (count < planFeatureLimits.forgottenAnswers) dueAt = now + planFeatureLimits.forgetPauseMs;
  };
}
