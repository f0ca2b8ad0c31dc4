// What must hold of every plan at rest, read from the database alone.
import { finishStepId, isTerminalPlan, isTerminalStep } from "@ossaat/contracts";
import type { PlanEvent, PlanState, SealedPlan } from "@ossaat/contracts";

import { readEvents, readPlanState } from "../event/read-events.ts";
import type { Engine } from "../job/engine.ts";
import { listSteps } from "../step/step-rows.ts";
import type { PlanRow, StepRow } from "../store/tables.ts";

async function allEvents(engine: Engine, planId: string): Promise<PlanEvent[]> {
  const events: PlanEvent[] = [];
  for (;;) {
    const page = await readEvents(engine.store.read, planId, { afterSeq: events.at(-1)?.seq ?? 0 });
    if (page.length === 0) return events;
    events.push(...page);
  }
}

function sequenceProblems(events: readonly PlanEvent[], plan: PlanRow): string[] {
  const bad = events.find((event, index) => event.seq !== index + 1);
  const problems = bad === undefined ? [] : [`event ${bad.seq} is out of sequence`];
  return plan.next_seq === events.length + 1 ? problems : [...problems, `next_seq is ${plan.next_seq}`];
}

/** Replaying the log gives the rows. */
function replayProblems(state: PlanState, plan: PlanRow, rows: readonly StepRow[]): string[] {
  const folded = [...state.steps, ...(state.finishing === undefined ? [] : [state.finishing])];
  const steps = folded.flatMap((step) => {
    const row = rows.find(({ step_id: id }) => id === step.id);
    const same = row?.status === step.status && (row.reason ?? undefined) === step.reason;
    return same ? [] : [`${step.id} is ${row?.status} (${row?.reason}) but replays as ${step.status} (${step.reason})`];
  });
  const status = plan.status === state.status ? [] : [`the plan is ${plan.status} but replays as ${state.status}`];
  const hash = plan.def_hash === (state.planHash ?? null) ? [] : ["the plan's hash replays differently"];
  return [...steps, ...status, ...hash];
}

/** No step started before its needs succeeded; every claim has a higher fence than the one before. */
function orderProblems(events: readonly PlanEvent[]): string[] {
  const problems: string[] = [];
  const succeeded = new Set<string>();
  const fences = new Map<string, number>();
  let plan: SealedPlan | undefined;
  for (const event of events) {
    const stepId = event.stepId ?? "";
    if (event.type === "plan.proposed") plan = event.data.plan as SealedPlan;
    if (event.type === "step.finished" && event.data.status === "succeeded") {
      if (succeeded.has(stepId)) problems.push(`${stepId} succeeded twice`);
      succeeded.add(stepId);
    }
    if (event.type !== "step.started") continue;
    const needs = plan?.steps.find(({ id }) => id === stepId)?.needs ?? [];
    for (const need of needs) if (!succeeded.has(need)) problems.push(`${stepId} started before ${need} succeeded`);
    if (event.data.fence <= (fences.get(stepId) ?? 0)) problems.push(`the fence of ${stepId} did not rise`);
    fences.set(stepId, event.data.fence);
  }
  return problems;
}

async function leftovers(engine: Engine, plan: PlanRow, rows: readonly StepRow[]): Promise<string[]> {
  const { read } = engine.store;
  const problems = rows.flatMap((row) => [
    ...(isTerminalStep(row.status) ? [] : [`${row.step_id} is still ${row.status}`]),
    ...(row.lease_owner === null && row.lease_until === null ? [] : [`${row.step_id} still has a lease`]),
    ...(row.reserved_tokens === 0 && row.reserved_cost_usd === 0 ? [] : [`${row.step_id} still holds a reserve`]),
  ]);
  if (plan.reserved_tokens !== 0 || Math.abs(plan.reserved_cost_usd) > 1e-9) problems.push("the plan holds a reserve");
  for (const table of ["outbox", "timer"] as const) {
    const left = await read.selectFrom(table).selectAll().where("plan_id", "=", plan.id).execute();
    if (left.length > 0) problems.push(`${left.length} rows are left in ${table}`);
  }
  const attempts = await read.selectFrom("attempt").selectAll().where("plan_id", "=", plan.id).execute();
  const open = attempts.filter((attempt) => attempt.ended_at === null).map((attempt) => attempt.step_id);
  if (open.length > 0) problems.push(`attempts without an end: ${open.join(", ")}`);
  const wins = attempts.filter((attempt) => attempt.outcome === "succeeded").map((attempt) => attempt.step_id);
  if (new Set(wins).size !== wins.length) problems.push("a step succeeded in two attempts");
  const pending = await read
    .selectFrom("approval")
    .select("id")
    .where("plan_id", "=", plan.id)
    .where("status", "=", "pending")
    .execute();
  return pending.length === 0 ? problems : [...problems, "a question is still open"];
}

/** Everything wrong with a plan that has ended; empty when it is sound. */
export async function auditPlan(engine: Engine, planId: string): Promise<string[]> {
  const plan = await engine.store.read
    .selectFrom("plan")
    .selectAll()
    .where("id", "=", planId)
    .executeTakeFirstOrThrow();
  const events = await allEvents(engine, planId);
  const state = await readPlanState(engine.store.read, planId);
  if (state === undefined) return ["the plan has no log"];
  const rows = await listSteps(engine.store.read, planId);
  const ended = isTerminalPlan(plan.status) ? [] : [`the plan is still ${plan.status}`];
  const last = events.at(-1)?.type;
  const isLast = last === "plan.finished" || last === "plan.rejected";
  return [
    ...ended,
    ...(isLast ? [] : [`the last event is ${last}`]),
    ...(plan.status === "succeeded" && rows.every((row) => row.step_id !== finishStepId) ? ["no last step ran"] : []),
    ...sequenceProblems(events, plan),
    ...replayProblems(state, plan, rows),
    ...orderProblems(events),
    ...(await leftovers(engine, plan, rows)),
  ];
}
