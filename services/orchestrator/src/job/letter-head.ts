// What a dead letter says of itself: whose it is, and what it was about.
import { jobLimits } from "@ossaat/contracts";

import { readEnvelope } from "./envelope-text.ts";

/** Without its text; what cannot be read names no plan. */
export type LetterHead = {
  id: string;
  reason: string;
  /** ms since the epoch, by the clock of whoever gave the message up; absent where nothing tells. */
  diedAt?: number;
  tenantId: string;
  planId?: string;
  stepId?: string;
  attempt?: number;
};

/** What cannot be read names no tenant; it belongs to whoever runs the installation. */
const installationTenant = "local";

type Letter = Pick<LetterHead, "id" | "reason" | "diedAt"> & { message: string };

export function headOf({ id, reason, diedAt, message }: Letter): LetterHead {
  const outside = { id, reason, ...(diedAt === undefined ? {} : { diedAt }) };
  const unread = { ...outside, tenantId: installationTenant };
  if (message.length > jobLimits.maxEnvelopeBytes) return unread;
  try {
    const { tenantId, planId, stepId, attempt } = readEnvelope(message);
    return { ...outside, tenantId, planId, stepId, attempt };
  } catch {
    return unread;
  }
}

export const ownerOf = (message: string): string => headOf({ id: "", reason: "", message }).tenantId;
