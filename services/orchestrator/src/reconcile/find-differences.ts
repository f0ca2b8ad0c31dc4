// Looks for differences between what is recorded and what is there, in the plans of one tenant. Changes
// nothing. Each is looked for in a statement of its own, so that what is under way may be seen as one: a
// mend looks again.
import { isTerminalStep, StepStatus } from "@ossaat/contracts";
import type { Difference } from "@ossaat/contracts";

import { storeTime } from "../job/store-time.ts";
import { selectExpired, selectStranded } from "../job/sweep.ts";
import { terminalStatuses } from "../step/ended-plans.ts";
import type { ClearDeps } from "../step/clear-ended.ts";
import { clearLimits } from "../step/limits.ts";
import type { Reader } from "../store/store.ts";
import { reconcileLimits } from "./limits.ts";

export type ReconcileDeps = ClearDeps & {
  tenantId: string;
  /** Reads as the process itself: what plans leave behind is no tenant's to see. */
  processRead: Reader;
};

const limit = reconcileLimits.perKind;
const endedSteps: readonly StepStatus[] = StepStatus.options.filter(isTerminalStep);

type Find = (deps: ReconcileDeps) => Promise<Difference[]>;

const readyWithoutMessage: Find = async ({ engine, tenantId }) => {
  const steps = await selectStranded(engine, { tenantId, limit });
  return steps.map(({ plan_id: planId, step_id: stepId }) => ({
    kind: "ready_without_message",
    planId,
    stepId,
    detail: "the step is ready and no message announces it",
  }));
};

const leaseOver: Find = async ({ engine, tenantId }) => {
  const steps = await selectExpired(engine, { tenantId, limit });
  return steps.map(({ plan_id: planId, step_id: stepId, lease_owner: owner }) => ({
    kind: "lease_over",
    planId,
    stepId,
    detail: `the step runs and the lease of ${owner ?? "nobody"} is over`,
  }));
};

const backoffWithoutTimer: Find = async ({ engine, tenantId }) => {
  const rows = await engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .select(["step.plan_id as planId", "step.step_id as stepId"])
    .where("plan.tenant_id", "=", tenantId)
    .where("plan.status", "not in", terminalStatuses)
    .where("step.status", "=", "backoff")
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("timer")
            .select("timer.id")
            .whereRef("timer.plan_id", "=", "step.plan_id")
            .whereRef("timer.step_id", "=", "step.step_id")
            .where("timer.kind", "=", "retry"),
        ),
      ),
    )
    .limit(limit)
    .execute();
  const detail = "the step waits for its next attempt and no timer ends that";
  return rows.map((row) => ({ kind: "backoff_without_timer", ...row, detail }));
};

const timerWithoutStep: Find = async ({ engine, tenantId }) => {
  const rows = await engine.store.read
    .selectFrom("timer")
    .innerJoin("plan", "plan.id", "timer.plan_id")
    .leftJoin("step", (join) =>
      join.onRef("step.plan_id", "=", "timer.plan_id").onRef("step.step_id", "=", "timer.step_id"),
    )
    .select(["timer.plan_id as planId", "timer.step_id as stepId", "timer.kind as timer", "plan.status as status"])
    .where("plan.tenant_id", "=", tenantId)
    .where((eb) =>
      eb.or([
        eb("plan.status", "in", terminalStatuses),
        eb.and([eb("timer.kind", "!=", "plan"), eb("step.step_id", "is", null)]),
      ]),
    )
    .limit(limit)
    .execute();
  return rows.map(({ planId, stepId, timer, status }) => ({
    kind: "timer_without_step",
    planId,
    ...(timer === "plan" ? {} : { stepId }),
    detail: terminalStatuses.includes(status)
      ? `a timer (${timer}) of a plan that has ended`
      : `a timer (${timer}) of a step that is not there`,
  }));
};

const planWithoutEnd: Find = async ({ engine, tenantId }) => {
  const rows = await engine.store.read
    .selectFrom("plan")
    .select(["id as planId", "status"])
    .where("tenant_id", "=", tenantId)
    .where("status", "in", ["draft", "pending", "running", "paused", "cancelling"])
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("step")
            .select("step.step_id")
            .whereRef("step.plan_id", "=", "plan.id")
            .where("step.status", "not in", endedSteps),
        ),
      ),
    )
    .limit(limit)
    .execute();
  return rows.map(({ planId, status }) => ({
    kind: "plan_without_end",
    planId,
    detail: `the plan is ${status} and every step of it has ended`,
  }));
};

const approvalOfEndedPlan: Find = async ({ engine, tenantId }) => {
  const rows = await engine.store.read
    .selectFrom("approval")
    .innerJoin("plan", "plan.id", "approval.plan_id")
    .select(["approval.plan_id as planId", "approval.step_id as stepId", "approval.id as id"])
    .where("plan.tenant_id", "=", tenantId)
    .where("approval.status", "=", "pending")
    .where("plan.status", "in", terminalStatuses)
    .limit(limit)
    .execute();
  return rows.map(({ planId, stepId, id }) => ({
    kind: "approval_of_ended_plan",
    planId,
    stepId,
    detail: `request ${id} still asks, and the plan has ended`,
  }));
};

const leftoversOfEndedPlan: Find = async ({ engine, journal, processRead, tenantId }) => {
  const ids = (await journal.endedPlans(processRead)).map(({ planId }) => planId);
  const own: string[] = [];
  const endedBefore = storeTime(engine, -reconcileLimits.leftoverGraceMs);
  const { plansAStatement: size } = clearLimits;
  for (let from = 0; from < ids.length && own.length < limit; from += size) {
    const rows = await engine.store.read
      .selectFrom("plan")
      .select("id")
      .where("tenant_id", "=", tenantId)
      .where("id", "in", ids.slice(from, from + size))
      .where("finished_at", "<=", endedBefore)
      .execute();
    own.push(...rows.map(({ id }) => id));
  }
  const detail = "recorded turns, and working trees if it succeeded, of a plan that has ended";
  return own.slice(0, limit).map((planId) => ({ kind: "leftovers_of_ended_plan", planId, detail }));
};

const finds: readonly Find[] = [
  readyWithoutMessage,
  leaseOver,
  backoffWithoutTimer,
  timerWithoutStep,
  planWithoutEnd,
  approvalOfEndedPlan,
  leftoversOfEndedPlan,
];

/** All that is found, kind after kind. */
export async function findDifferences(deps: ReconcileDeps): Promise<{ differences: Difference[]; more: boolean }> {
  const differences: Difference[] = [];
  let more = false;
  for (const find of finds) {
    const found = await find(deps);
    more ||= found.length >= limit;
    differences.push(...found);
  }
  return { differences, more };
}
