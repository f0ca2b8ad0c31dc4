// Writes the outbox row that announces a ready step, in the caller's transaction.
import { JobEnvelope } from "@ossaat/contracts";

import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Tx } from "../store/store.ts";
import type { OutboxRow, StepRow } from "../store/tables.ts";

export type DispatchInput = {
  tenantId: string;
  priority: number;
  step: Pick<StepRow, "plan_id" | "step_id" | "attempt" | "pool" | "kind" | "kind_version">;
  now: number;
  /** Its place among the messages that wait, not after `now`; absent = behind them. */
  availableAt?: number;
  messageId: string;
  /** Where the message waits instead of its pool. */
  line?: string;
  /** Whether the same attempt was announced before. */
  isRepeated?: boolean;
  traceparent: string | null;
};

/** The message for one attempt of a step. */
export function jobEnvelope(input: DispatchInput): JobEnvelope {
  const { step, now, messageId, tenantId, priority, traceparent, isRepeated } = input;
  return JobEnvelope.parse({
    messageId,
    dedupeId: `${step.plan_id}:${step.step_id}:${step.attempt}`,
    tenantId,
    planId: step.plan_id,
    stepId: step.step_id,
    attempt: step.attempt,
    pool: step.pool,
    priority,
    kind: step.kind,
    kindVersion: step.kind_version,
    enqueuedAt: now,
    ...(traceparent === null ? {} : { traceparent }),
    ...(isRepeated === true ? { isRepeated } : {}),
  });
}

const insertMessage = statement((db, row: Slots<Omit<OutboxRow, "claimed_until">>) =>
  db.insertInto("outbox").values({
    id: row.id,
    pool: row.pool,
    dedupe_id: row.dedupe_id,
    plan_id: row.plan_id,
    step_id: row.step_id,
    tenant_id: row.tenant_id,
    priority: row.priority,
    envelope_json: row.envelope_json,
    available_at: row.available_at,
    claimed_until: 0,
    written_at: row.written_at,
  }),
);

export async function dispatchStep(tx: Tx, input: DispatchInput): Promise<void> {
  const { step, now, messageId, tenantId, priority } = input;
  const envelope = jobEnvelope(input);
  await insertMessage(tx, {
    id: messageId,
    pool: input.line ?? step.pool,
    dedupe_id: envelope.dedupeId,
    plan_id: step.plan_id,
    step_id: step.step_id,
    tenant_id: tenantId,
    priority,
    envelope_json: JSON.stringify(envelope),
    available_at: input.availableAt ?? now,
    written_at: now,
  });
}
