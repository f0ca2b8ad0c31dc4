// Removes what ended plans have outside of the database. A plan's last step does so itself; what a
// kill or a cancel left is found by the turns that were recorded for the plan.
import { AgentError } from "@ossaat/contracts";

import { storeTime } from "../job/store-time.ts";
import type { CleanUp } from "../job/sweeper.ts";
import { takeSweep } from "../job/take-sweep.ts";
import { selectEnded } from "./ended-plans.ts";
import type { EndedPlan } from "./ended-plans.ts";
import { clearLimits } from "./limits.ts";
import type { StepDeps } from "./step-deps.ts";

export type ClearDeps = Pick<StepDeps, "engine" | "journal" | "workspaces"> & {
  /** Longest wait for the removal of one plan's working trees, ms; absent = the limit. */
  removeMs?: number | undefined;
};

function lateRemoval(): AgentError {
  return new AgentError("unavailable", "The removal of working trees took too long.", {
    details: { next: "`ossaat doctor` says how the tool runner is; the removal is tried again by itself" },
  });
}

/** Waits for the tool runner only so long, and not at all once the process stops. */
async function removeWithin(deps: ClearDeps, planId: string, stopping?: AbortSignal): Promise<void> {
  const { workspaces, removeMs = clearLimits.removeMs } = deps;
  const late = AbortSignal.timeout(removeMs);
  const signal = stopping === undefined ? late : AbortSignal.any([late, stopping]);
  if (signal.aborted) throw lateRemoval();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(lateRemoval()), { once: true });
  await Promise.race([workspaces.remove({ planId }, { signal }), aborted]);
}

/** @returns why they were not removed */
async function removeTrees(deps: ClearDeps, planId: string, stopping?: AbortSignal): Promise<AgentError | undefined> {
  try {
    await removeWithin(deps, planId, stopping);
    return undefined;
  } catch (thrown) {
    const problem = AgentError.from(thrown);
    deps.engine.log.warn({ planId, problem: problem.message }, "working trees were not removed");
    return problem;
  }
}

/** Removes the working trees of a plan that succeeded and the recorded turns of any that ended. */
export async function clearPlan(deps: ClearDeps, { planId, status }: EndedPlan, stopping?: AbortSignal): Promise<void> {
  // NOTE: working trees of other plans stay, so that unfinished work can be looked at.
  const problem = status === "succeeded" ? await removeTrees(deps, planId, stopping) : undefined;
  // Last, because the recorded turns are what an interrupted removal is found by. One that will never
  // come to anything is not found again.
  if (problem?.isRetryable !== true) await deps.journal.forgetPlan(planId);
}

/** Plans of which the tool runner keeps working trees or caches, a page at a time. */
async function* keptPlans({ workspaces }: ClearDeps, stopping: AbortSignal): AsyncGenerator<string[]> {
  for (let after: string | undefined; !stopping.aborted;) {
    const { planIds } = await workspaces.listKept({ after }, { signal: stopping });
    after = planIds.at(-1);
    if (after === undefined) return;
    yield planIds;
  }
}

/**
 * Removes the working trees of plans that ended without success `keepMs` ago or longer: at once after a
 * start, then from time to time, and in one of the processes that share a store.
 */
export function createRetentionSweep(deps: ClearDeps, keepMs: number): CleanUp {
  const { engine } = deps;
  let dueAt = Number.NEGATIVE_INFINITY;
  return async function clearOldTrees(stopping) {
    const now = engine.clock.now();
    if (now < dueAt) return;
    dueAt = now + clearLimits.retentionPauseMs;
    if (!(await takeSweep(engine, { name: "working-trees", pauseMs: clearLimits.retentionPauseMs }))) return;
    for await (const known of keptPlans(deps, stopping)) {
      // NOTE: a folder whose plan is not known may be another server's; it is not ours to remove.
      for (const { planId } of await selectEnded(engine.store.read, known, storeTime(engine, -keepMs))) {
        if (stopping.aborted) return;
        const problem = await removeTrees(deps, planId, stopping);
        if (problem === undefined) engine.log.info({ planId }, "the working trees of an old plan were removed");
      }
    }
  };
}

/** Clears every plan that has ended and still has recorded turns. */
export async function clearEnded(deps: ClearDeps, stopping?: AbortSignal): Promise<void> {
  for (const plan of await deps.journal.endedPlans(deps.engine.store.read)) {
    if (stopping?.aborted === true) return;
    await clearPlan(deps, plan, stopping);
  }
}
