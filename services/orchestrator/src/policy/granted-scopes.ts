// Approvals a person gave for more than one call.
import { toolInputs } from "@ossaat/contracts";
import type { ApprovalRequest, ToolName } from "@ossaat/contracts";
import { callSubject } from "@ossaat/policy";
import type { ApprovalGrant } from "@ossaat/policy/decision";

import type { Reader } from "../store/store.ts";

function isToolName(tool: string): tool is ToolName {
  return Object.hasOwn(toolInputs, tool);
}

/** Grants with scope `step` (of this step) or `run` (of the plan). */
export async function readGrants(read: Reader, planId: string, stepId: string): Promise<ApprovalGrant[]> {
  const rows = await read
    .selectFrom("approval")
    .select(["step_id", "scope", "request_json"])
    .where("plan_id", "=", planId)
    .where("status", "=", "granted")
    .where("kind", "=", "call")
    .where("scope", "in", ["step", "run"])
    .execute();
  return rows.flatMap((row): ApprovalGrant[] => {
    if (row.scope !== "step" && row.scope !== "run") return [];
    if (row.scope === "step" && row.step_id !== stepId) return [];
    const { tool, inputJson } = JSON.parse(row.request_json) as ApprovalRequest;
    if (tool === undefined || inputJson === undefined || !isToolName(tool)) return [];
    const input: unknown = JSON.parse(inputJson);
    return [{ scope: row.scope, tool, subject: callSubject({ tool, input }) }];
  });
}

/** Whether a person let this very step start when its turn came. */
export async function isStepApproved(
  read: Reader,
  { planId, stepId }: { planId: string; stepId: string },
  stepHash: string,
): Promise<boolean> {
  const row = await read
    .selectFrom("approval")
    .select("id")
    .where("plan_id", "=", planId)
    .where("step_id", "=", stepId)
    .where("kind", "=", "step")
    .where("status", "=", "granted")
    .where("request_hash", "=", stepHash)
    .executeTakeFirst();
  return row !== undefined;
}
