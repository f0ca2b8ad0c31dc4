// What the demo wants of its sample, and what it answers in place of a person.
import type { CreatePlanRequest, PlanState } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

import { pendingApprovals } from "../follow/on-approval.ts";
import { scriptPath } from "./make-sample.ts";

const goal =
  "Invoices are wrong by cents: make parseAmount in src/money.js keep every cent, and lineTotal in src/invoice.js take its discount in percent";

export const denial = "Add no dependency: whole cents are enough.";

/** The demo's plan on the repository at `path`, by a scripted model. */
export function sampleRequest(path: string): CreatePlanRequest {
  return { goal, repository: { path }, model: `scripted:${scriptPath}` };
}

/** Approves the plan and denies what leaves the envelope. Returns whether something was asked. */
export async function answerSample(client: Client, state: PlanState): Promise<boolean> {
  if (state.status === "awaiting_approval" && state.planHash !== undefined) {
    await client.decidePlan(state.id, { decision: "approve", planHash: state.planHash, comment: "demo" });
    return true;
  }
  const [approval] = pendingApprovals(state);
  if (approval === undefined) return false;
  const { approvalId, requestHash } = approval;
  await client.decideApproval(approvalId, { decision: "deny", requestHash, feedback: denial });
  return true;
}
