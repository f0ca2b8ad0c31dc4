// Brings a step's working tree to the last recorded state: opened at its base the first time,
// put back to the newest snapshot after an interruption.
import { WorkspaceId } from "@ossaat/contracts";

import { recordProgress } from "../job/claim-step.ts";
import type { Claim } from "../job/engine.ts";
import type { StepHistory } from "./history.ts";
import type { StepDeps } from "./step-deps.ts";

export function workspaceIdOf(planId: string, stepId: string): WorkspaceId {
  return WorkspaceId.parse(`${planId}.${stepId}`);
}

/** Calls that began and have no end: their process, if it still lives, must stop first. */
async function stopInterruptedCalls(deps: StepDeps, history: StepHistory): Promise<void> {
  for (const { finished, invocationId } of history.calls.values()) {
    if (finished === undefined && invocationId !== undefined) await deps.tools.cancel(invocationId);
  }
}

/** @throws AgentError from the tool runner; LeaseLost */
export async function prepareWorkspace(
  deps: StepDeps,
  claim: Claim,
  {
    history,
    repositoryPath,
    commit,
    diffBase,
    signal,
  }: { history: StepHistory; repositoryPath: string; commit: string; diffBase?: string; signal: AbortSignal },
): Promise<WorkspaceId> {
  const workspaceId = workspaceIdOf(claim.planId, claim.stepId);
  const base = history.workspace?.commit ?? commit;
  await stopInterruptedCalls(deps, history);
  const { tree } = await deps.workspaces.open(
    {
      workspaceId,
      fence: claim.fence,
      planId: claim.planId,
      repositoryPath,
      commit: base,
      ...(diffBase === undefined ? {} : { diffBase }),
    },
    { signal },
  );
  if (history.workspace === undefined) {
    await recordProgress(deps.engine, claim, { type: "workspace.opened", data: { workspaceId, commit: base, tree } });
    history.workspace = { workspaceId, commit: base, tree };
    history.tree = tree;
  } else if (history.tree !== undefined && history.tree !== tree) {
    await deps.workspaces.restore({ workspaceId, fence: claim.fence, tree: history.tree }, { signal });
  }
  return workspaceId;
}
