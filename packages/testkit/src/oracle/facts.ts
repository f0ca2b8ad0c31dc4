// What is known of one plan when it is judged: its rows and its log, read with plain SQL, so that
// the oracle shares no reading code with the engine it judges.
import { parseEvent } from "@ossaat/contracts";
import type { PlanEvent, PlanStatus, StepStatus } from "@ossaat/contracts";

export type PlanFact = {
  id: string;
  status: PlanStatus;
  def_hash: string | null;
  next_seq: number;
  spent_tokens: number;
  spent_cost_usd: number;
  reserved_tokens: number;
  reserved_cost_usd: number;
};

export type StepFact = {
  step_id: string;
  status: StepStatus;
  reason: string | null;
  fence: number;
  lease_owner: string | null;
  lease_until: number | null;
  effect_class: string;
  reserved_tokens: number;
  reserved_cost_usd: number;
};

export type AttemptFact = {
  step_id: string;
  attempt: number;
  fence: number;
  worker: string;
  ended_at: number | null;
  outcome: string | null;
};

export type ApprovalFact = { id: string; step_id: string; status: string };

export type PlanFacts = {
  plan: PlanFact;
  steps: StepFact[];
  attempts: AttemptFact[];
  approvals: ApprovalFact[];
  /** Ids of rows that are left. */
  outbox: string[];
  timers: string[];
  events: PlanEvent[];
};

/** Runs one select with positional parameters `?`. */
export type Query = (sql: string, parameters: readonly string[]) => Promise<readonly Record<string, unknown>[]>;

function toEvent(row: Record<string, unknown>): PlanEvent {
  return parseEvent({
    schemaVersion: 1,
    seq: row["seq"],
    type: row["type"],
    at: new Date(Number(row["at"])).toISOString(),
    planId: row["plan_id"],
    ...(row["step_id"] === null ? {} : { stepId: row["step_id"] }),
    ...(row["attempt"] === null ? {} : { attempt: row["attempt"] }),
    ...(row["trace_id"] === null ? {} : { traceId: row["trace_id"] }),
    actor: JSON.parse(String(row["actor_json"])) as unknown,
    data: JSON.parse(String(row["data_json"])) as unknown,
  });
}

/** Reads all of a plan. @throws Error when there is none */
export async function readPlanFacts(query: Query, planId: string): Promise<PlanFacts> {
  const of = async <T>(table: string, order: string) =>
    (await query(`select * from ${table} where plan_id = ? order by ${order}`, [planId])) as unknown as T[];
  const idsOf = async (table: string) => (await of<{ id: string }>(table, "id")).map(({ id }) => id);
  const [plan] = (await query("select * from plan where id = ?", [planId])) as unknown as PlanFact[];
  if (plan === undefined) throw new Error(`there is no plan ${planId}`);
  return {
    plan,
    steps: await of<StepFact>("step", "step_id"),
    attempts: await of<AttemptFact>("attempt", "step_id, attempt"),
    approvals: await of<ApprovalFact>("approval", "id"),
    outbox: await idsOf("outbox"),
    timers: await idsOf("timer"),
    events: (await of<Record<string, unknown>>("event", "seq")).map(toEvent),
  };
}
