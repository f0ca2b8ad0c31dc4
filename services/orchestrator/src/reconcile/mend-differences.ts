// Mends differences by the engine's own transactions, each of which looks again under the plan's lock.
import { finishStepId, isTerminalPlan, isTerminalStep } from "@ossaat/contracts";
import type { Actor, Difference, DifferenceKind, ReconcileResponse } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import { advancePlan } from "../job/advance-plan.ts";
import { addRetryTimer } from "../job/end-step.ts";
import { changePlan } from "../job/engine.ts";
import type { PlanTx } from "../job/engine.ts";
import { announceStranded, takeBackLease } from "../job/sweep.ts";
import { endPlan } from "../plan/end-plan.ts";
import { clearPlan } from "../step/clear-ended.ts";
import { selectEnded } from "../step/ended-plans.ts";
import { getStep, stepStates } from "../step/step-rows.ts";
import { findDifferences } from "./find-differences.ts";
import type { ReconcileDeps } from "./find-differences.ts";
import { reconcileLimits } from "./limits.ts";

/** `actor`: who asked for it, in whose name the changes stand in the events of the plans. */
export type MendDeps = ReconcileDeps & { actor: Actor };

type Mend = (deps: MendDeps, difference: Difference) => Promise<void>;

/** A mend that is one change of the plan. */
function changing(work: (deps: MendDeps, change: PlanTx, difference: Difference) => Promise<void>): Mend {
  return (deps, difference) =>
    changePlan(deps.engine, { planId: difference.planId, actor: deps.actor }, (change) =>
      work(deps, change, difference),
    );
}

const announce = changing(({ engine }, change, { planId, stepId = "" }) =>
  announceStranded(engine, change, { planId, stepId }),
);

const takeBack = changing(({ engine }, change, { planId, stepId = "" }) =>
  takeBackLease(engine, change, { planId, stepId }),
);

const retryNow = changing(async ({ engine }, change, { planId, stepId = "" }) => {
  const step = await getStep(change.tx, planId, stepId);
  if (step?.status !== "backoff") return;
  const timers = change.tx.selectFrom("timer").select("id").where("plan_id", "=", planId).where("step_id", "=", stepId);
  if ((await timers.where("kind", "=", "retry").executeTakeFirst()) !== undefined) return;
  await addRetryTimer(engine, change, stepId, change.now);
});

const dropTimers = changing(async (_deps, { tx, plan }) => {
  const timers = tx.deleteFrom("timer").where("plan_id", "=", plan.id);
  if (isTerminalPlan(plan.status)) {
    await timers.execute();
    return;
  }
  const steps = tx.selectFrom("step").select("step_id").where("plan_id", "=", plan.id);
  await timers.where("kind", "!=", "plan").where("step_id", "not in", steps).execute();
});

/** The plan goes on as after the end of its last step: that starts its finish, or ends it. */
const goOn = changing(async ({ engine }, change) => {
  const { plan, tx } = change;
  if (isTerminalPlan(plan.status)) return;
  const steps = await stepStates(tx, { planId: plan.id });
  if (steps.some(({ status }) => !isTerminalStep(status))) return;
  if (plan.cancel_at !== null) return endPlan(change, { status: "cancelled", reason: "cancelled" });
  const canFinish = plan.status !== "draft" && !steps.some(({ step_id: id }) => id === finishStepId);
  if (canFinish) return advancePlan(engine, change);
  await endPlan(change, { status: "failed", reason: "internal", message: "every step had ended and the plan had not" });
});

const voidQuestions = changing(async (_deps, change) => {
  if (isTerminalPlan(change.plan.status)) await voidApprovals(change, {});
});

const clear: Mend = async (deps, { planId }) => {
  const [ended] = await selectEnded(deps.engine.store.read, [planId]);
  if (ended !== undefined) await clearPlan(deps, ended);
};

const mends: Readonly<Record<DifferenceKind, Mend>> = {
  ready_without_message: announce,
  lease_over: takeBack,
  backoff_without_timer: retryNow,
  timer_without_step: dropTimers,
  plan_without_end: goOn,
  approval_of_ended_plan: voidQuestions,
  leftovers_of_ended_plan: clear,
};

const keyOf = ({ kind, planId, stepId = "" }: Difference) => `${kind} ${planId} ${stepId}`;

/**
 * Mends what is found, as far as possible and for as long as a request may take, and looks again: what is
 * still there was not mended.
 */
export async function mendDifferences(deps: MendDeps): Promise<ReconcileResponse> {
  const { engine, actor, tenantId } = deps;
  const { differences, more } = await findDifferences(deps);
  const until = engine.clock.monotonic() + reconcileLimits.mendMs;
  let tried = 0;
  for (const difference of differences) {
    if (engine.clock.monotonic() >= until) break;
    tried += 1;
    const { kind, planId, stepId } = difference;
    await mends[kind](deps, difference).catch((error: unknown) =>
      engine.log.error({ kind, planId, stepId, error }, "difference was not mended"),
    );
  }
  const left = new Set((await findDifferences(deps)).differences.map(keyOf));
  const answer = differences.map((difference) => ({ ...difference, mended: !left.has(keyOf(difference)) }));
  const mended = answer.filter((difference) => difference.mended).length;
  const counts = { found: differences.length, tried, mended };
  engine.log.info({ actor: actor.id, tenantId, ...counts }, "differences were mended at somebody's request");
  return { schemaVersion: 1, applied: true, differences: answer, more: more || tried < differences.length };
}
