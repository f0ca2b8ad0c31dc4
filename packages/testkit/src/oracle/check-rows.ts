// Ends, sequence, replay and leftovers: the rows of a plan against its log.
import { canPlanGo, canStepGo, finishStepId, foldPlan, isTerminalPlan, isTerminalStep } from "@ossaat/contracts";
import type { PlanEvent, PlanState, PlanStatus, StepStatus } from "@ossaat/contracts";

import type { PlanFacts } from "./facts.ts";

/** I1 */
export function findOpenEnds({ plan, steps, attempts, events }: PlanFacts): string[] {
  const last = events.at(-1)?.type;
  const isLast = last === "plan.finished" || last === "plan.rejected";
  // A later revision may go on without a step that failed.
  const proposed = events.findLast((event) => event.type === "plan.proposed");
  const isPart = (id: string) =>
    proposed?.type === "plan.proposed" && proposed.data.plan.steps.some((step) => String(step.id) === id);
  const hasFinish = steps.some((step) => step.step_id === finishStepId);
  return [
    ...(isTerminalPlan(plan.status) ? [] : [`the plan is still ${plan.status}`]),
    ...(isLast ? [] : [`the last event is ${last ?? "none"}`]),
    ...(plan.status === "succeeded" && !hasFinish ? ["no last step ran"] : []),
    ...steps.filter((step) => !isTerminalStep(step.status)).map((step) => `${step.step_id} is still ${step.status}`),
    ...attempts
      .filter((attempt) => attempt.ended_at === null)
      .map(({ step_id: id, attempt }) => `attempt ${attempt} of ${id} has no end`),
    ...(plan.status === "succeeded"
      ? steps.filter((step) => isPart(step.step_id) && step.status !== "succeeded").map(notSucceeded)
      : []),
  ];
}

function notSucceeded({ step_id: id, status }: { step_id: string; status: string }): string {
  return `the plan succeeded, but ${id} is ${status}`;
}

/** I2 */
export function findRepeatedSuccess({ attempts, events }: PlanFacts): string[] {
  const won = attempts.filter((attempt) => attempt.outcome === "succeeded").map((attempt) => attempt.step_id);
  const told = events.flatMap((event) =>
    event.type === "step.finished" && event.data.status === "succeeded" ? [event.stepId ?? ""] : [],
  );
  return [
    ...repeated(won).map((id) => `${id} succeeded in more than one attempt`),
    ...repeated(told).map((id) => `the log says more than once that ${id} succeeded`),
  ];
}

export function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

/** I3 */
export function findSequenceGaps({ plan, events }: PlanFacts): string[] {
  const bad = events.find((event, index) => event.seq !== index + 1);
  return [
    ...(bad === undefined ? [] : [`event ${bad.seq} is out of sequence`]),
    ...(plan.next_seq === events.length + 1
      ? []
      : [`${events.length} events, but the next number is ${plan.next_seq}`]),
  ];
}

/** What an event says of a plan's or a step's status; undefined = nothing. */
function statusOf(event: PlanEvent): { plan: PlanStatus } | { step: StepStatus } | undefined {
  switch (event.type) {
    case "plan.started":
    case "plan.resumed":
      return { plan: "running" };
    case "plan.paused":
      return { plan: "paused" };
    case "plan.rejected":
      return { plan: "rejected" };
    case "plan.revision_requested":
      return { plan: "draft" };
    case "plan.cancel_requested":
      return { plan: "cancelling" };
    case "plan.finished":
      return { plan: event.data.status };
    case "step.readied":
    case "step.released":
      return { step: "ready" };
    case "step.started":
      return { step: "running" };
    case "step.backed_off":
    case "step.lost":
      return { step: "backoff" };
    case "step.reconcile_requested":
      return { step: "needs_reconcile" };
    case "step.finished":
      return { step: event.data.status };
    default:
      return undefined;
  }
}

function stepIn(state: PlanState, stepId: string | undefined) {
  const platform = [state.planning, state.finishing].filter((step) => step !== undefined);
  return [...state.steps, ...platform].find(({ id }) => id === stepId);
}

/** The fold passes over a change that the state machine does not have; none may stand in a log. */
function illegalChange(state: PlanState, event: PlanEvent): string | undefined {
  const said = statusOf(event);
  if (said === undefined) return undefined;
  if ("plan" in said) {
    const isLegal = canPlanGo(state.status, said.plan);
    return isLegal ? undefined : `event ${event.seq} takes the plan from ${state.status} to ${said.plan}`;
  }
  const from = stepIn(state, event.stepId)?.status;
  if (from === undefined || from === said.step || canStepGo(from, said.step)) return undefined;
  return `event ${event.seq} takes ${event.stepId ?? ""} from ${from} to ${said.step}`;
}

/** The fold of the log, and the changes in it that are not legal. */
export function replay(events: readonly PlanEvent[]): { state: PlanState | undefined; illegal: string[] } {
  let state: PlanState | undefined;
  const illegal: string[] = [];
  for (const event of events) {
    const problem = state === undefined ? undefined : illegalChange(state, event);
    if (problem !== undefined) illegal.push(problem);
    if (state !== undefined || event.type === "plan.created") state = foldPlan(state, event);
  }
  return { state, illegal };
}

function differingSteps(state: PlanState, { steps: rows }: PlanFacts): string[] {
  const folded = [...state.steps, ...(state.finishing === undefined ? [] : [state.finishing])];
  return folded.flatMap((step) => {
    const row = rows.find(({ step_id: id }) => id === step.id);
    if (row?.status === step.status && (row.reason ?? undefined) === step.reason) return [];
    const here = `${row?.status ?? "missing"} (${row?.reason ?? "-"})`;
    return [`${step.id} is ${here} but replays as ${step.status} (${step.reason ?? "-"})`];
  });
}

/** Tokens and cost that the log says were used, as they are booked. */
function spentBy(events: readonly PlanEvent[]): { tokens: number; costUsd: number } {
  const spent = { tokens: 0, costUsd: 0 };
  for (const event of events) {
    if (event.type !== "model.finished" && event.type !== "model.failed") continue;
    const { usage, tokens, costUsd } = event.data;
    spent.tokens += tokens ?? (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0);
    spent.costUsd += costUsd ?? 0;
  }
  return spent;
}

/** Dollars that sums of prices may differ by. */
const costTolerance = 1e-6;

/** I4, the rows */
export function findReplayProblems(facts: PlanFacts): string[] {
  const { plan, events } = facts;
  const { state, illegal } = replay(events);
  if (state === undefined) return ["the plan has no log"];
  const { tokens, costUsd } = spentBy(events);
  return [
    ...illegal,
    ...differingSteps(state, facts),
    ...(plan.status === state.status ? [] : [`the plan is ${plan.status} but replays as ${state.status}`]),
    ...(plan.def_hash === (state.planHash ?? null) ? [] : ["the plan's hash replays differently"]),
    ...(plan.spent_tokens === tokens ? [] : [`${plan.spent_tokens} tokens are booked, the log says ${tokens}`]),
    ...(Math.abs(plan.spent_cost_usd - costUsd) < costTolerance
      ? []
      : [`$${plan.spent_cost_usd} is booked, the log says $${costUsd}`]),
  ];
}

/** I9, the rows */
export function findLeftovers({ plan, steps, outbox, timers, approvals }: PlanFacts): string[] {
  return [
    ...steps.flatMap((step) => [
      ...(step.lease_owner === null && step.lease_until === null ? [] : [`${step.step_id} still has a lease`]),
      ...(step.reserved_tokens === 0 && Math.abs(step.reserved_cost_usd) < costTolerance
        ? []
        : [`${step.step_id} still holds a reserve`]),
    ]),
    ...(plan.reserved_tokens === 0 && Math.abs(plan.reserved_cost_usd) < costTolerance
      ? []
      : ["the plan still holds a reserve"]),
    ...(outbox.length === 0 ? [] : [`${outbox.length} rows are left in outbox`]),
    ...(timers.length === 0 ? [] : [`${timers.length} rows are left in timer`]),
    ...approvals.filter((approval) => approval.status === "pending").map(({ id }) => `question ${id} is still open`),
  ];
}
