// Budgets by reservation: a turn is bought only when its worst case still fits, and settled
// with what it really used.
import { AgentError } from "@ossaat/contracts";
import type { Budget } from "@ossaat/contracts";

import type { Tx } from "../store/store.ts";
import type { PlanRow, StepRow } from "../store/tables.ts";

export type Reservation = { tokens: number; costUsd: number | null };

/**
 * Reserves for a step inside its plan.
 * @throws AgentError limit_exceeded when it does not fit; nothing is reserved then.
 */
export async function reserve(
  tx: Tx,
  { plan, stepId, budget, reservation }: { plan: PlanRow; stepId: string; budget: Budget; reservation: Reservation },
): Promise<void> {
  const tokens = plan.spent_tokens + plan.reserved_tokens + reservation.tokens;
  const costUsd = plan.spent_cost_usd + plan.reserved_cost_usd + (reservation.costUsd ?? 0);
  if (budget.maxTokens !== undefined && tokens > budget.maxTokens) {
    throw overBudget(
      `${plan.spent_tokens} of ${budget.maxTokens} tokens are spent and the next turn may need ${reservation.tokens}`,
    );
  }
  if (budget.maxCostUsd !== undefined && costUsd > budget.maxCostUsd) {
    const spent = plan.spent_cost_usd.toFixed(4);
    throw overBudget(
      `$${spent} of $${budget.maxCostUsd} is spent and the next turn may cost $${(reservation.costUsd ?? 0).toFixed(4)}`,
    );
  }
  await addReserved(tx, plan.id, stepId, reservation);
}

function overBudget(why: string): AgentError {
  return new AgentError("limit_exceeded", `The budget is used up: ${why}.`, {
    details: { budget: true, next: "`ossaat retry PLAN --max-cost USD` or `--max-tokens N` with more" },
  });
}

async function addReserved(tx: Tx, planId: string, stepId: string, reservation: Reservation): Promise<void> {
  const { tokens } = reservation;
  const costUsd = reservation.costUsd ?? 0;
  await tx
    .updateTable("plan")
    .set((eb) => ({
      reserved_tokens: eb("reserved_tokens", "+", tokens),
      reserved_cost_usd: eb("reserved_cost_usd", "+", costUsd),
    }))
    .where("id", "=", planId)
    .execute();
  await tx
    .updateTable("step")
    .set((eb) => ({
      reserved_tokens: eb("reserved_tokens", "+", tokens),
      reserved_cost_usd: eb("reserved_cost_usd", "+", costUsd),
    }))
    .where("plan_id", "=", planId)
    .where("step_id", "=", stepId)
    .execute();
}

/** Whether the step, as this row is, holds anything in reserve. */
export function hasReservation(step: Pick<StepRow, "reserved_tokens" | "reserved_cost_usd">): boolean {
  return step.reserved_tokens !== 0 || step.reserved_cost_usd !== 0;
}

/** Gives back all that a step holds in reserve, as after a crash or a failed call. */
export async function releaseReservation(tx: Tx, step: Pick<StepRow, "plan_id" | "step_id">): Promise<void> {
  const row = await tx
    .selectFrom("step")
    .select(["reserved_tokens", "reserved_cost_usd"])
    .where("plan_id", "=", step.plan_id)
    .where("step_id", "=", step.step_id)
    .executeTakeFirst();
  if (row === undefined || !hasReservation(row)) return;
  await addReserved(tx, step.plan_id, step.step_id, { tokens: -row.reserved_tokens, costUsd: -row.reserved_cost_usd });
}

/** Books what a turn used, in place of what the step had reserved. */
export async function settle(
  tx: Tx,
  step: Pick<StepRow, "plan_id" | "step_id">,
  used: { tokens: number; costUsd: number | null },
): Promise<void> {
  await releaseReservation(tx, step);
  await tx
    .updateTable("plan")
    .set((eb) => ({
      spent_tokens: eb("spent_tokens", "+", used.tokens),
      spent_cost_usd: eb("spent_cost_usd", "+", used.costUsd ?? 0),
      unknown_cost_turns: eb("unknown_cost_turns", "+", used.costUsd === null ? 1 : 0),
    }))
    .where("id", "=", step.plan_id)
    .execute();
}
