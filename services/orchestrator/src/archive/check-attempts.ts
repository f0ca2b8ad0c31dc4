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

/** The number of the attempt that a step is at, or that it begins next. */
function isNumberTrue(step: StepRow, starts: readonly Start[], revision: number): boolean {
  const last = Math.max(0, ...starts.map(({ attempt }) => attempt));
  if (step.status === "running") return step.attempt === last;
  // What a new revision took up again skips a number.
  const isInTime = step.attempt <= last + 1 + revision;
  return isInTime && step.attempt >= (isTerminalStep(step.status) ? last : last + 1);
}

function findForgedCount(step: StepRow, starts: readonly Start[], revision: number): string | undefined {
  const id = step.step_id;
  if (!isNumberTrue(step, starts, revision)) return `step ${id} is at an attempt that its events do not lead to`;
  if (starts.some(({ fence }) => fence > step.fence)) return `step ${id} has an older fence than its attempts`;
  if (step.status !== "running" && (step.reserved_tokens !== 0 || step.reserved_cost_usd !== 0)) {
    return `step ${id} holds a reserve and does not run`;
  }
  return undefined;
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
export function findForgedAttempt({ rows, state, events }: Told): string | undefined {
  const starts = startsOf(events);
  const written = rows.attempts.map(({ step_id: stepId, attempt, worker, fence }) =>
    textOf({ stepId, attempt, worker, fence }),
  );
  if (written.toSorted().join() !== starts.map(textOf).toSorted().join())
    return "its attempts are not those of its events";
  for (const step of rows.steps) {
    const ofStep = starts.filter(({ stepId }) => stepId === step.step_id);
    const forged = findForgedCount(step, ofStep, rows.plan.revision);
    if (forged !== undefined) return forged;
  }
  return findForgedSpend(rows, state);
}
