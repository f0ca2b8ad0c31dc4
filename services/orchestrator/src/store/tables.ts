// Row types of every table. Ids are text, times are integer milliseconds since the epoch,
// documents are JSON text, flags are 0 or 1: the same in SQLite and Postgres.
import type { EventType, PlanStatus, StepStatus } from "@ossaat/contracts";

export type PlanRow = {
  id: string;
  tenant_id: string;
  status: PlanStatus;
  goal: string;
  /** `plan.created` data: what the run was asked for. */
  options_json: string;
  /** The sealed plan of the newest revision; null until the first proposal. */
  def_json: string | null;
  def_hash: string | null;
  revision: number;
  planning_round: number;
  /** Step id → step hash that a person approved, JSON. */
  approved_json: string;
  /** Model that runs the steps; null = none chosen. */
  model: string | null;
  next_seq: number;
  cancel_at: number | null;
  priority: number;
  repository_path: string;
  created_by: string;
  created_at: number;
  updated_at: number;
  finished_at: number | null;
  deadline_at: number | null;
  spent_tokens: number;
  spent_cost_usd: number;
  /** Turns whose price is unknown. */
  unknown_cost_turns: number;
  reserved_tokens: number;
  reserved_cost_usd: number;
  traceparent: string | null;
  /** Newest revision whose files stand in the user's repository; 0 = none. */
  recorded_revision: number;
};

export type StepRow = {
  plan_id: string;
  step_id: string;
  /** `planning`, `agent`, `merge` or `finish`: which handler runs it. */
  kind: string;
  /** Of its kind; a worker runs none that is newer than what it knows. */
  kind_version: number;
  pool: string;
  status: StepStatus;
  reason: string | null;
  attempt: number;
  /** Attempts that failed since the step last made progress; parking and clean releases do not count. */
  failures: number;
  /** Those of them in which a provider took a call and did not finish its answer. */
  silent_count: number;
  /** Attempts since then that ended because the tool runner was away; `failures` does not count them. */
  away_count: number;
  /** Leases lost since the step last made progress. */
  lost_count: number;
  /** Rises with every claim and every forced revocation. */
  fence: number;
  ready_at: number | null;
  /** When its newest message was written; null = by a version that did not say. */
  announced_at: number | null;
  /** Since when this attempt waits for a worker; null = since `ready_at`. */
  waiting_since: number | null;
  lease_owner: string | null;
  lease_until: number | null;
  effect_class: string;
  /** Call whose effect was begun and not yet recorded as finished. */
  intent_call_id: string | null;
  reserved_tokens: number;
  reserved_cost_usd: number;
  head: string | null;
  result_json: string | null;
};

export type StepDepTable = { plan_id: string; step_id: string; needs_step_id: string };

export type AttemptRow = {
  plan_id: string;
  step_id: string;
  attempt: number;
  fence: number;
  worker: string;
  started_at: number;
  heartbeat_at: number;
  ended_at: number | null;
  outcome: string | null;
  error_code: string | null;
  /** Span under which it was claimed; null = without tracing. */
  traceparent: string | null;
};

export type ApprovalRow = {
  id: string;
  tenant_id: string;
  plan_id: string;
  step_id: string;
  kind: "step" | "call" | "reconcile";
  call_id: string | null;
  request_hash: string;
  request_json: string;
  status: "pending" | "granted" | "denied" | "expired" | "void";
  scope: "once" | "step" | "run" | null;
  feedback: string | null;
  requested_at: number;
  expires_at: number;
  decided_at: number | null;
  decided_by: string | null;
};

export type EventRow = {
  plan_id: string;
  seq: number;
  at: number;
  type: EventType;
  step_id: string | null;
  attempt: number | null;
  actor_json: string;
  data_json: string;
  trace_id: string | null;
};

export type OutboxRow = {
  id: string;
  pool: string;
  dedupe_id: string;
  plan_id: string;
  step_id: string;
  tenant_id: string;
  priority: number;
  envelope_json: string;
  /** Its place among those of its priority: when its step became ready. */
  available_at: number;
  claimed_until: number;
  /** When it was written into its pool; null = by a version that did not say. */
  written_at: number | null;
};

export type DeadLetterRow = {
  id: string;
  tenant_id: string;
  pool: string;
  reason: string;
  message: string;
  at: number;
  /** The attempt of a step that it is about; null = put here by a version that did not say. */
  dedupe_id: string | null;
};

export type TimerRow = {
  id: string;
  plan_id: string;
  step_id: string;
  kind: "retry" | "approval" | "plan";
  ref: string;
  due_at: number;
};

export type IdemRow = {
  tenant_id: string;
  key: string;
  request_hash: string;
  response_json: string;
  expires_at: number;
};

export type ArtifactRow = {
  /** SHA-256 of the bytes. */
  ref: string;
  body: Uint8Array;
};

/** A turn of a model that somebody records or has recorded; its id keeps a late writer out. */
export type TurnRecordRow = { id: string; plan_id: string; step_id: string; turn: number };

export type TurnEventRow = { record_id: string; n: number; event_json: string };

export type Tables = {
  plan: PlanRow;
  step: StepRow;
  step_dep: StepDepTable;
  attempt: AttemptRow;
  approval: ApprovalRow;
  event: EventRow;
  outbox: OutboxRow;
  dead_letter: DeadLetterRow;
  /** Locked by claims of the tenant while they count what runs. */
  claim_gate: { tenant_id: string };
  timer: TimerRow;
  /** Sweeps that one process does for all, and when each is due again. */
  sweep: { name: string; due_at: number };
  idem: IdemRow;
  artifact: ArtifactRow;
  turn_plan: { plan_id: string };
  turn_record: TurnRecordRow;
  turn_event: TurnEventRow;
};
