// The diff of a plan or of one of its steps, always against what it started from.
import { AgentError, finishStepId } from "@ossaat/contracts";
import type { DiffResponse, PlanState, StepState, WorkspaceService } from "@ossaat/contracts";

import { readStepEvents } from "../event/read-events.ts";
import type { Engine } from "../job/engine.ts";
import { workspaceIdOf } from "../step/prepare-workspace.ts";

export type DiffDeps = { engine: Engine; workspaces: WorkspaceService };

async function diffOfStep(deps: DiffDeps, state: PlanState, step: StepState): Promise<DiffResponse> {
  const events = await readStepEvents(deps.engine.store.read, state.id, step.id);
  const opened = events.find((event) => event.type === "workspace.opened");
  if (opened?.type !== "workspace.opened") {
    throw new AgentError("not_found", `Step ${step.id} has not started.`, {
      details: { next: `ossaat watch ${state.id}` },
    });
  }
  const from = opened.data.commit;
  const to = step.result?.head;
  if (to !== undefined) {
    const repositoryPath = state.repository.path;
    const { files } = await deps.workspaces.diffCommits({ planId: state.id, repositoryPath, from, to });
    return { schemaVersion: 1, from, to, files };
  }
  const { files } = await deps.workspaces.diff({ workspaceId: workspaceIdOf(state.id, step.id) });
  return { schemaVersion: 1, from, to: "working tree", files };
}

/** The newest commit that the plan has reached. */
function reachedCommit(state: PlanState): string | undefined {
  const heads = state.steps.map((step) => step.result?.head).filter((head) => head !== undefined);
  return state.commit ?? heads.at(-1);
}

/** @throws AgentError not_found when there is nothing to compare yet */
export async function readPlanDiff(
  deps: DiffDeps,
  state: PlanState,
  stepId: string | undefined,
): Promise<DiffResponse> {
  if (stepId !== undefined) {
    const step = state.steps.find(({ id }) => id === stepId && id !== finishStepId);
    if (step === undefined) {
      throw new AgentError("not_found", `The plan has no step "${stepId}".`, {
        details: { next: `\`ossaat show ${state.id}\` lists its steps` },
      });
    }
    return diffOfStep(deps, state, step);
  }
  const to = reachedCommit(state);
  if (to === undefined) {
    throw new AgentError("not_found", "No step of the plan has finished yet: name one with --step.", {
      details: { next: `ossaat diff ${state.id} --step STEP` },
    });
  }
  const from = state.repository.baseCommit;
  const { files } = await deps.workspaces.diffCommits({
    planId: state.id,
    repositoryPath: state.repository.path,
    from,
    to,
  });
  return { schemaVersion: 1, from, to, files };
}
