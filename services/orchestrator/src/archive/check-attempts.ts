// Whether the attempts, fences and counts of an archive are those that its events tell of: a step whose numbers
// are not could be claimed by nobody, or spend what its plan does not have.
import { isTerminalStep } from "@ossaat/contracts";
import type { EventData, PlanState } from "@ossaat/contracts";

import type { EventRow, StepRow } from "../store/tables.ts";
import type { PlanRecords } from "./plan-rows.ts";

type Told = { rows: PlanRecords; state: PlanState; events: readonly EventRow[] };

/** An attempt as its event tells of it. */
type Start = { stepId: string; attempt: number; worker: string; fence: number };

/** Difference of two sums of the same costs, USD: they are not added in one order. */
const roundingUsd = 1e-6;

function startsOf(events: readonly EventRow[]): Start[] {
  return events.flatMap(({ type, step_id: stepId, attempt, data_json: json }) => {
    if (type !== "step.started" || stepId === null || attempt === null) return [];
    const { worker, fence } = JSON.parse(json) as EventData<"step.started">;
    return [{ stepId, attempt, worker, fence }];
  });
}

const textOf = ({ stepId, attempt, worker, fence }: Start) => JSON.stringify([stepId, attempt, worker, fence]);

/** How often a revision took up a step that an earlier one had: every time, the step skips a number. */
function skipsOf(events: readonly EventRow[]): ReadonlyMap<string, number> {
  const skips = new Map<string, number>();
  for (const { type, data_json: json } of events) {
    if (type !== "plan.proposed") continue;
    const { changedSteps } = JSON.parse(json) as EventData<"plan.proposed">;
    for (const id of new Set(changedSteps)) skips.set(id, (skips.get(id) ?? -1) + 1);
  }
  return skips;
}

/** What the events tell of one step, in their order. */
type Course = { starts: readonly Start[]; skips: number };

/**
 * The number of the attempt that a step is at, or that it begins next. Each number was begun or skipped, so that
 * none is higher than its events are many.
 */
function isNumberTrue(step: StepRow, { starts, skips }: Course): boolean {
  const [last, most] = [starts.at(-1)?.attempt ?? 0, starts.length + skips];
  if (step.status === "running") return step.attempt === last && last <= most;
  return step.attempt <= most + 1 && step.attempt >= (isTerminalStep(step.status) ? last : last + 1);
}

const isInOrder = (starts: readonly Start[]): boolean =>
  starts.every(({ attempt }, index) => attempt > (starts[index - 1]?.attempt ?? 0));

function findForgedCount(step: StepRow, course: Course): string | undefined {
  const id = step.step_id;
  const { starts } = course;
  if (!isInOrder(starts)) return `step ${id} has attempts out of order`;
  if (!isNumberTrue(step, course)) return `step ${id} is at an attempt that its events do not lead to`;
  if (starts.some(({ fence }) => fence > step.fence)) return `step ${id} has an older fence than its attempts`;
  if (step.status !== "running" && (step.reserved_tokens !== 0 || step.reserved_cost_usd !== 0)) {
    return `step ${id} holds a reserve and does not run`;
  }
  return undefined;
}

function findForgedRevision({ rows: { plan }, state, events }: Told): string | undefined {
  if (plan.revision !== state.revision) return "the plan's revision is not the newest of its events";
  if (plan.recorded_revision > plan.revision) return "a revision was recorded that the plan does not have";
  // The first was asked for by making the plan.
  const rounds = 1 + events.filter(({ type }) => type === "plan.revision_requested").length;
  return plan.planning_round === rounds ? undefined : "the plan's rounds of planning are not those of its events";
}

function findForgedSpend({ plan, steps }: PlanRecords, { spend }: PlanState): string | undefined {
  const tokens = spend.inputTokens + spend.outputTokens;
  const isLess = plan.spent_tokens < tokens || plan.spent_cost_usd < spend.costUsd - roundingUsd;
  if (isLess || plan.unknown_cost_turns < spend.unknownCostTurns) return "the plan has spent less than its events say";
  const held = steps.reduce((sum, step) => sum + step.reserved_tokens, 0);
  const heldUsd = steps.reduce((sum, step) => sum + step.reserved_cost_usd, 0);
  const isOther = plan.reserved_tokens !== held || Math.abs(plan.reserved_cost_usd - heldUsd) > roundingUsd;
  return isOther ? "the plan's reserve is not that of its steps" : undefined;
}

/** The first number that is not as the events say; `undefined` = all are. */
export function findForgedAttempt(told: Told): string | undefined {
  const { rows, state, events } = told;
  const starts = startsOf(events);
  const written = rows.attempts.map(({ step_id: stepId, attempt, worker, fence }) =>
    textOf({ stepId, attempt, worker, fence }),
  );
  if (written.toSorted().join() !== starts.map(textOf).toSorted().join())
    return "its attempts are not those of its events";
  const skips = skipsOf(events);
  for (const step of rows.steps) {
    const ofStep = starts.filter(({ stepId }) => stepId === step.step_id);
    const forged = findForgedCount(step, { starts: ofStep, skips: skips.get(step.step_id) ?? 0 });
    if (forged !== undefined) return forged;
  }
  return findForgedRevision(told) ?? findForgedSpend(rows, state);
}
