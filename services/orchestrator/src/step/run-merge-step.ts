// A merge step: the platform replays the commits of the needed steps in order. A conflict is
// reported and the writer gets one chance to resolve it in place.
import { buildSystemPrompt } from "@ossaat/agents";
import { AgentError, hashJson, hashStep } from "@ossaat/contracts";
import type { Envelope, MergeResult, StepResult, WorkspaceId } from "@ossaat/contracts";

import { readStepEvents } from "../event/read-events.ts";
import { recordProgress } from "../job/claim-step.ts";
import { completeStep } from "../job/end-step.ts";
import type { Claim } from "../job/engine.ts";
import { runAgent } from "./agent-loop.ts";
import type { Verdict } from "./agent-loop.ts";
import { diffPaths, findStrayPaths, readApprovedWrites, strayText } from "./check-paths.ts";
import { chooseModel } from "./choose-model.ts";
import { offeredTools } from "./decide-call.ts";
import { deniedText, findDeniedPaths } from "./decide-for-platform.ts";
import { finishTool, reportResult } from "./finish-tool.ts";
import { readHistory } from "./history.ts";
import { prepareWorkspace } from "./prepare-workspace.ts";
import { authoredAt, loadStepRun } from "./run-agent-step.ts";
import type { StepRun } from "./run-agent-step.ts";
import { mergeHeads } from "./step-base.ts";
import type { StepDeps } from "./step-deps.ts";
import { finalFailure } from "./step-failed.ts";

type Conflict = Extract<MergeResult, { status: "conflict" }>;

/** Turns a writer has to resolve one conflict. */
const maxConflictTurns = 20;

function conflictText(run: StepRun, conflict: Conflict): string {
  const { plan, step } = run;
  const sides = step.needs.map((need) => {
    const needed = plan.steps.find(({ id }) => id === need);
    return `- ${need}: ${needed?.title ?? ""}. ${needed?.summary ?? ""}`;
  });
  return [
    `# Goal\n${plan.goal}`,
    `# Your task: resolve a merge conflict`,
    `Parallel steps changed the same lines. While ${conflict.applying} was applied, these files conflicted: ${conflict.files.join(", ")}.`,
    "The steps that are joined:",
    ...sides,
    conflict.details,
    "The files hold conflict markers (<<<<<<<, =======, >>>>>>>). Edit them so that the intent of both sides is kept and no marker remains, then call `finish`. This is the only chance: when a marker remains, the step fails.",
  ].join("\n");
}

function conflictEnvelope(run: StepRun, conflict: Conflict): Envelope {
  const { envelope } = run.step;
  return { ...envelope, paths: conflict.files };
}

/** Paths a resolution may hold: what the joined steps changed, which was checked at their end. */
async function joinedPaths(
  deps: StepDeps,
  { claim, plan, step, rows, repositoryPath, signal }: StepRun,
): Promise<string[]> {
  const paths: string[] = [];
  for (const { head } of mergeHeads(plan, step, rows)) {
    const range = { planId: claim.planId, repositoryPath, from: plan.repository.commit, to: head };
    paths.push(...diffPaths((await deps.workspaces.diffCommits(range, { signal })).files));
  }
  return paths;
}

async function strayPaths(
  deps: StepDeps,
  run: StepRun,
  { workspaceId, envelope }: { workspaceId: WorkspaceId; envelope: Envelope },
): Promise<string[]> {
  const { claim, signal } = run;
  const { files } = await deps.workspaces.diff({ workspaceId, fence: claim.fence }, { signal });
  const approved = await readApprovedWrites(deps.engine.store.read, claim.planId, [claim.stepId]);
  const paths = [...envelope.paths, ...(await joinedPaths(deps, run))];
  return findStrayPaths(files, { envelope: { ...envelope, paths }, approved });
}

async function findDeniedChanges(
  deps: StepDeps,
  { claim, signal }: StepRun,
  { workspaceId, envelope }: { workspaceId: WorkspaceId; envelope: Envelope },
): Promise<string[]> {
  const { files } = await deps.workspaces.diff({ workspaceId, fence: claim.fence }, { signal });
  return findDeniedPaths(deps, claim, { paths: diffPaths(files), envelope });
}

async function resolveConflict(
  deps: StepDeps,
  run: StepRun,
  { conflict, workspaceId }: { conflict: Conflict; workspaceId: WorkspaceId },
): Promise<MergeResult | "parked"> {
  const { claim, profile, step, plan, signal } = run;
  if (claim.plan.model === null)
    throw finalFailure("merge_conflict", `conflict in ${conflict.files.join(", ")} and no model to resolve it`);
  const approved = JSON.parse(claim.plan.approved_json) as Record<string, string>;
  const envelope = conflictEnvelope(run, conflict);
  const at = await authoredAt(deps, claim);
  const judge = async (): Promise<Verdict<MergeResult>> => {
    const stray = await strayPaths(deps, run, { workspaceId, envelope });
    if (stray.length > 0) return { accepted: false, feedback: strayText(stray) };
    const denied = await findDeniedChanges(deps, run, { workspaceId, envelope });
    if (denied.length > 0) return { accepted: false, feedback: deniedText(denied) };
    try {
      return {
        accepted: true,
        result: await deps.workspaces.continueMerge({ workspaceId, fence: claim.fence, authoredAt: at }, { signal }),
      };
    } catch (error) {
      if (error instanceof AgentError && error.code === "conflict") throw finalFailure("merge_conflict", error.message);
      throw error;
    }
  };
  const end = await runAgent(
    deps,
    claim,
    {
      profile,
      model: await chooseModel(deps.models, claim, { profile, planModel: claim.plan.model }),
      systemPrompt: buildSystemPrompt(profile, { goal: plan.goal, step: { ...step, envelope } }),
      assemble: () => Promise.resolve({ text: conflictText(run, conflict), sources: conflict.files }),
      workspaceId,
      envelope,
      budget: plan.budget,
      offered: await offeredTools(deps, claim, { profile, envelope }),
      control: finishTool,
      rules: { controlTool: finishTool.name, maxTurns: maxConflictTurns, maxRejections: 0 },
      stepHash: hashStep(step),
      approvedHash: approved[step.id],
      judge,
    },
    signal,
  );
  return end.status === "parked" ? "parked" : end.result;
}

async function mergeAll(deps: StepDeps, run: StepRun, workspaceId: WorkspaceId): Promise<MergeResult | "parked"> {
  const { claim, signal, plan, step, rows } = run;
  const at = await authoredAt(deps, claim);
  const heads = mergeHeads(plan, step, rows);
  const merged = await deps.workspaces.merge({ workspaceId, fence: claim.fence, heads, authoredAt: at }, { signal });
  if (merged.status === "merged") return merged;
  const history = readHistory(await readStepEvents(deps.engine.store.read, claim.planId, claim.stepId));
  const { files, applying, details } = merged;
  const known = history.merge?.conflicts.at(-1);
  if (known === undefined) {
    await recordProgress(deps.engine, claim, { type: "merge.conflicted", data: { files, applying, details } });
  } else if (hashJson([known.files, known.applying, known.details]) !== hashJson([files, applying, details])) {
    // The one that was resolved has brought another one, and its worker died before it could say so.
    return merged;
  } else if (history.tree !== undefined && history.workspace?.tree !== history.tree) {
    await deps.workspaces.restore({ workspaceId, fence: claim.fence, tree: history.tree }, { signal });
  }
  return resolveConflict(deps, run, { conflict: merged, workspaceId });
}

/** @throws StepFailed (merge_conflict), AgentError, LeaseLost */
export async function runMergeStep(deps: StepDeps, claim: Claim, signal: AbortSignal): Promise<void> {
  const run = await loadStepRun(deps, claim, signal);
  const history = readHistory(await readStepEvents(deps.engine.store.read, claim.planId, claim.stepId));
  const { repositoryPath, plan } = run;
  const forWorkspace = history.merge === undefined ? history : { ...history, tree: undefined };
  const workspaceId = await prepareWorkspace(deps, claim, {
    history: forWorkspace,
    repositoryPath,
    commit: plan.repository.commit,
    signal,
  });
  const merged = await mergeAll(deps, run, workspaceId);
  if (merged === "parked") return;
  if (merged.status === "conflict") {
    throw finalFailure("merge_conflict", `the conflict in ${merged.files.join(", ")} was not resolved`);
  }
  await recordProgress(deps.engine, claim, { type: "merge.finished", data: { head: merged.head, tree: merged.tree } });
  const result: StepResult = { ...reportResult(undefined, `Joined ${run.step.needs.join(", ")}.`), head: merged.head };
  await completeStep(deps.engine, claim, result);
}
