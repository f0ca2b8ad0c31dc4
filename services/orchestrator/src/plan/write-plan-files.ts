// Keeps `.plans/<id>/` in the user's repository in step with the store, after the commit.
import type { SealedPlan, WorkspaceService } from "@ossaat/contracts";

import { renderPlan } from "./render-plan.ts";

/** Writes plan.json and plan.md of a stored revision. @throws AgentError from the tool runner */
export async function writePlanFiles(
  workspaces: WorkspaceService,
  repositoryPath: string,
  plan: SealedPlan,
): Promise<void> {
  await workspaces.writeRecord({
    planId: plan.id,
    repositoryPath,
    files: [
      { name: "plan.json", content: `${JSON.stringify(plan, null, 2)}\n` },
      { name: "plan.md", content: renderPlan(plan) },
    ],
  });
}
