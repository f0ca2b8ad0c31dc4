// Removes what ended plans have outside of the database. A plan's last step does so itself; what a
// kill or a cancel left is found by the turns that were recorded for the plan.
import { AgentError, isTerminalPlan } from "@ossaat/contracts";
import type { PlanStatus } from "@ossaat/contracts";

import type { StepDeps } from "./step-deps.ts";

export type ClearDeps = Pick<StepDeps, "engine" | "journal" | "workspaces">;

/** @returns Whether they are gone, or will never go by another attempt */
async function removeTrees({ engine, workspaces }: ClearDeps, planId: string): Promise<boolean> {
  try {
    await workspaces.remove({ planId });
    return true;
  } catch (thrown) {
    const error = AgentError.from(thrown);
    engine.log.warn({ planId, problem: error.message }, "working trees were not removed");
    return !error.isRetryable;
  }
}

/** Removes the working trees of a plan that succeeded and the recorded turns of any that ended. */
export async function clearPlan(deps: ClearDeps, planId: string, status: PlanStatus): Promise<void> {
  // NOTE: working trees of other plans stay, so that unfinished work can be looked at.
  const isRemoved = status !== "succeeded" || (await removeTrees(deps, planId));
  // Last, because the recorded turns are what an interrupted removal is found by.
  if (isRemoved) await deps.journal.forgetPlan(planId);
}

export type Retention = {
  /** How long the working trees of a plan stay that has ended without success, ms. */
  keepMs: number;
  /** Plans that have working trees or caches. */
  plansWithTrees(): Promise<string[]>;
};

/** Time between two looks for working trees that are old enough to go, ms. */
const retentionPauseMs = 60 * 60 * 1_000;

async function endedBefore({ engine }: ClearDeps, planId: string, limit: number): Promise<boolean> {
  const row = await engine.store.read
    .selectFrom("plan")
    .select(["status", "finished_at"])
    .where("id", "=", planId)
    .executeTakeFirst();
  // NOTE: a folder whose plan is not known may be another server's; it is not ours to remove.
  if (row === undefined || row.finished_at === null) return false;
  return isTerminalPlan(row.status) && row.finished_at <= limit;
}

/** Removes the working trees of plans that ended long ago: at once after a start, then from time to time. */
export function createRetentionSweep(deps: ClearDeps, retention: Retention): () => Promise<void> {
  const { clock, log } = deps.engine;
  let dueAt = Number.NEGATIVE_INFINITY;
  return async function clearOldTrees() {
    const now = clock.now();
    if (now < dueAt) return;
    dueAt = now + retentionPauseMs;
    for (const planId of await retention.plansWithTrees()) {
      if (!(await endedBefore(deps, planId, now - retention.keepMs))) continue;
      await deps.workspaces.remove({ planId });
      log.info({ planId }, "the working trees of an old plan were removed");
    }
  };
}

/** Clears every plan that has ended and still has recorded turns. */
export async function clearEnded(deps: ClearDeps): Promise<void> {
  for (const planId of await deps.journal.plans()) {
    const { read } = deps.engine.store;
    const plan = await read.selectFrom("plan").select("status").where("id", "=", planId).executeTakeFirst();
    if (plan !== undefined && isTerminalPlan(plan.status)) await clearPlan(deps, planId, plan.status);
  }
}
