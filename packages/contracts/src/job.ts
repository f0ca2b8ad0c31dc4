// The message on a queue: a hint that (plan, step, attempt) is ready. It carries no authority
// (the fence is issued at claim), no state and no secret.
import { z } from "zod";

import { PlanId, StepId } from "./ids.ts";

export const jobLimits = {
  /** Bytes of one message on any queue. */
  maxEnvelopeBytes: 64 * 1024,
} as const;

export const JobEnvelope = z.looseObject({
  /** A newer one only adds fields: who does not know it carries it as it is, and leaves its step to others. */
  schemaVersion: z.int().positive().default(1),
  messageId: z.string(),
  /** `plan:step:attempt` */
  dedupeId: z.string(),
  tenantId: z.string(),
  planId: PlanId,
  stepId: StepId,
  attempt: z.int().positive(),
  pool: z.string(),
  priority: z.int().default(0),
  kind: z.string(),
  kindVersion: z.int().positive().default(1),
  enqueuedAt: z.int(),
  traceparent: z.string().optional(),
  /** The same attempt was announced before, and nobody took it: a broker that keeps messages of a plan together need not. */
  isRepeated: z.boolean().optional(),
});
export type JobEnvelope = z.infer<typeof JobEnvelope>;
