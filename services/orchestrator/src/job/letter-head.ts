// What a dead letter says of itself: whose it is, and what it was about.
import { jobLimits } from "@ossaat/contracts";

import { readEnvelope } from "./envelope-text.ts";

/** Without its text; what cannot be read names no plan. */
export type LetterHead = {
  id: string;
  reason: string;
  tenantId: string;
  planId?: string;
  stepId?: string;
  attempt?: number;
};

/** What cannot be read names no tenant; it belongs to whoever runs the installation. */
const installationTenant = "local";

export function headOf({ id, reason, message }: { id: string; reason: string; message: string }): LetterHead {
  const unread = { id, reason, tenantId: installationTenant };
  if (message.length > jobLimits.maxEnvelopeBytes) return unread;
  try {
    const { tenantId, planId, stepId, attempt } = readEnvelope(message);
    return { id, reason, tenantId, planId, stepId, attempt };
  } catch {
    return unread;
  }
}

export const ownerOf = (message: string): string => headOf({ id: "", reason: "", message }).tenantId;
