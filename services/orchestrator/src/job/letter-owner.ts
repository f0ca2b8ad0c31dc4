// Whose a dead letter is.
import { jobLimits } from "@ossaat/contracts";

import { readEnvelope } from "./envelope-text.ts";

/** What cannot be read names no tenant; it belongs to whoever runs the installation. */
const installationTenant = "local";

export function ownerOf(message: string): string {
  if (message.length > jobLimits.maxEnvelopeBytes) return installationTenant;
  try {
    return readEnvelope(message).tenantId;
  } catch {
    return installationTenant;
  }
}
