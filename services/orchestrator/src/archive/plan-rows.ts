// What the database holds of one plan, as an archive carries it. Times to come and messages are
// not state: messages are written anew where the plan goes on, leases are void there.
import {
  ApprovalId,
  EffectClass,
  PlanId,
  PlanStatus,
  Sha256,
  StepId,
  StepStatus,
  eventData,
  priorityNumber,
} from "@ossaat/contracts";
import type { EventType } from "@ossaat/contracts";
import { z } from "zod";

import { defaultPool } from "../step/step-rows.ts";
import type { Tx } from "../store/store.ts";
import type { ApprovalRow, AttemptRow, EventRow, PlanRow, StepDepTable, StepRow, TimerRow } from "../store/tables.ts";

const text = z.string();
/** Times, fences and sizes: with room to rise, so that no row grows out of what a database keeps. */
const whole = z
  .int()
  .min(0)
  .max(2 ** 52);
/** The same for what PostgreSQL keeps in four bytes. */
const count = z
  .int()
  .min(0)
  .max(2 ** 30);
const cost = z.number().min(0);
const json = text.refine((value) => {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}, "expected JSON");

const PlanRecord = z.strictObject({
  id: PlanId,
  tenant_id: text,
  status: PlanStatus,
  goal: text,
  options_json: json,
  def_json: json.nullable(),
  def_hash: Sha256.nullable(),
  revision: count,
  planning_round: count,
  approved_json: json,
  model: text.nullable(),
  next_seq: whole,
  cancel_at: whole.nullable(),
  priority: z.int().min(priorityNumber("low")).max(priorityNumber("high")),
  repository_path: text,
  created_by: text,
  created_at: whole,
  updated_at: whole,
  finished_at: whole.nullable(),
  deadline_at: whole.nullable(),
  spent_tokens: whole,
  spent_cost_usd: cost,
  unknown_cost_turns: count,
  reserved_tokens: whole,
  reserved_cost_usd: cost,
  traceparent: text.nullable(),
  recorded_revision: count,
}) satisfies z.ZodType<PlanRow>;

const StepRecord = z.strictObject({
  plan_id: PlanId,
  step_id: StepId,
  kind: z.enum(["planning", "agent", "merge", "finish"]),
  pool: z.literal(defaultPool),
  status: StepStatus,
  reason: text.nullable(),
  attempt: count,
  failures: count,
  silent_count: count.default(0),
  away_count: count.default(0),
  lost_count: count,
  fence: whole,
  ready_at: whole.nullable(),
  announced_at: whole.nullable().default(null),
  waiting_since: whole.nullable().default(null),
  kind_version: count.default(1),
  lease_owner: text.nullable(),
  lease_until: whole.nullable(),
  effect_class: EffectClass,
  intent_call_id: text.nullable(),
  reserved_tokens: whole,
  reserved_cost_usd: cost,
  head: text.nullable(),
  result_json: json.nullable(),
}) satisfies z.ZodType<StepRow>;

const StepDepRecord = z.strictObject({
  plan_id: PlanId,
  step_id: StepId,
  needs_step_id: StepId,
}) satisfies z.ZodType<StepDepTable>;

const AttemptRecord = z.strictObject({
  plan_id: PlanId,
  step_id: StepId,
  attempt: count,
  fence: whole,
  worker: text,
  started_at: whole,
  heartbeat_at: whole,
  ended_at: whole.nullable(),
  outcome: text.nullable(),
  error_code: text.nullable(),
  traceparent: text.nullable().default(null),
}) satisfies z.ZodType<AttemptRow>;

const ApprovalRecord = z.strictObject({
  id: ApprovalId,
  tenant_id: text,
  plan_id: PlanId,
  step_id: StepId,
  kind: z.enum(["step", "call", "reconcile"]),
  call_id: text.nullable(),
  request_hash: Sha256,
  request_json: json,
  status: z.enum(["pending", "granted", "denied", "expired", "void"]),
  scope: z.enum(["once", "step", "run"]).nullable(),
  feedback: text.nullable(),
  requested_at: whole,
  expires_at: whole,
  decided_at: whole.nullable(),
  decided_by: text.nullable(),
}) satisfies z.ZodType<ApprovalRow>;

const TimerRecord = z.strictObject({
  id: text.max(100),
  plan_id: PlanId,
  step_id: text,
  kind: z.enum(["retry", "approval", "plan"]),
  ref: text,
  due_at: whole,
}) satisfies z.ZodType<TimerRow>;

export const EventRecord = z.strictObject({
  plan_id: PlanId,
  seq: whole,
  at: whole,
  type: z.enum(Object.keys(eventData) as [EventType, ...EventType[]]),
  step_id: StepId.nullable(),
  attempt: count.nullable(),
  actor_json: json,
  data_json: json,
  trace_id: text.nullable(),
}) satisfies z.ZodType<EventRow>;

/** `rows.json` of an archive. */
export const PlanRecords = z.strictObject({
  plan: PlanRecord,
  steps: z.array(StepRecord),
  needs: z.array(StepDepRecord),
  attempts: z.array(AttemptRecord),
  approvals: z.array(ApprovalRecord),
  timers: z.array(TimerRecord),
});
export type PlanRecords = {
  plan: PlanRow;
  steps: StepRow[];
  needs: StepDepTable[];
  attempts: AttemptRow[];
  approvals: ApprovalRow[];
  timers: TimerRow[];
};

/** Everything of one plan, as of one moment in a snapshot; undefined when it is not there. */
export async function readPlanRows(
  tx: Tx,
  planId: string,
): Promise<(PlanRecords & { events: EventRow[] }) | undefined> {
  const plan = await tx.selectFrom("plan").selectAll().where("id", "=", planId).executeTakeFirst();
  if (plan === undefined) return undefined;
  return {
    plan,
    steps: await tx.selectFrom("step").selectAll().where("plan_id", "=", planId).orderBy("step_id").execute(),
    needs: await tx
      .selectFrom("step_dep")
      .selectAll()
      .where("plan_id", "=", planId)
      .orderBy("step_id")
      .orderBy("needs_step_id")
      .execute(),
    attempts: await tx
      .selectFrom("attempt")
      .selectAll()
      .where("plan_id", "=", planId)
      .orderBy("step_id")
      .orderBy("attempt")
      .execute(),
    approvals: await tx.selectFrom("approval").selectAll().where("plan_id", "=", planId).orderBy("id").execute(),
    timers: await tx.selectFrom("timer").selectAll().where("plan_id", "=", planId).orderBy("id").execute(),
    events: await tx.selectFrom("event").selectAll().where("plan_id", "=", planId).orderBy("seq").execute(),
  };
}
