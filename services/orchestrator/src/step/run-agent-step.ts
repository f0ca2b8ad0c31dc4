// An agent's step of a plan, from claim to recorded end.
import { AgentError, hashStep } from "@ossaat/contracts";
import type { AgentProfile, DiffFile, Plan, Step, StepResult, WorkspaceId } from "@ossaat/contracts";
import { buildSystemPrompt } from "@ossaat/agents";

import { readStepEvents } from "../event/read-events.ts";
import { completeStep } from "../job/end-step.ts";
import type { Claim } from "../job/engine.ts";
import { runAgent } from "./agent-loop.ts";
import type { AgentTask, Verdict } from "./agent-loop.ts";
import { offeredTools } from "./decide-call.ts";
import { finishTool, reportResult } from "./finish-tool.ts";
import { chooseModel } from "./choose-model.ts";
import { readHistory } from "./history.ts";
import type { StepHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";
import { prepareWorkspace } from "./prepare-workspace.ts";
import { readGuidance } from "./read-guidance.ts";
import { stepBase } from "./step-base.ts";
import { assembleStepContext } from "./step-context.ts";
import type { StepDeps } from "./step-deps.ts";
import { finalFailure } from "./step-failed.ts";
import { listSteps } from "./step-rows.ts";
import type { StepRow } from "../store/tables.ts";
import { checkSuccess } from "./success-check.ts";
import type { CheckResult } from "./success-check.ts";

/** Everything a plan's step is run with. */
export type StepRun = {
  claim: Claim;
  plan: Plan;
  step: Step;
  rows: StepRow[];
  profile: AgentProfile;
  repositoryPath: string;
  signal: AbortSignal;
};

/** Reads plan, step and profile of a claim. @throws AgentError internal, StepFailed (agent unknown) */
export async function loadStepRun(deps: StepDeps, claim: Claim, signal: AbortSignal): Promise<StepRun> {
  if (claim.plan.def_json === null) throw new AgentError("internal", "The plan has no definition.");
  const plan = JSON.parse(claim.plan.def_json) as Plan;
  const step = plan.steps.find(({ id }) => id === claim.stepId);
  if (step === undefined) throw new AgentError("internal", `The plan has no step ${claim.stepId}.`);
  const repositoryPath = claim.plan.repository_path;
  const profiles = await deps.agents.profiles({ path: repositoryPath, commit: plan.repository.commit });
  const profile = profiles.get(step.agent);
  if (profile === undefined) throw finalFailure("policy", `the agent "${step.agent}" does not exist`, "policy_denied");
  const rows = await listSteps(deps.engine.store.read, claim.planId);
  return { claim, plan, step, rows, profile, repositoryPath, signal };
}

/** Commit time of a step: when it first started, so that a repeated commit is the same commit. */
export async function authoredAt(deps: StepDeps, claim: Claim): Promise<string> {
  const history = readHistory(await readStepEvents(deps.engine.store.read, claim.planId, claim.stepId));
  return history.startedAt ?? new Date(claim.plan.created_at).toISOString();
}

function counts(files: readonly DiffFile[]): Pick<StepResult, "filesChanged" | "additions" | "deletions"> {
  return {
    filesChanged: files.length,
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
  };
}

async function commitStep(
  deps: StepDeps,
  run: StepRun,
  { workspaceId, summary, allowedPaths }: { workspaceId: WorkspaceId; summary: string; allowedPaths: string[] },
): Promise<StepResult> {
  const { claim, step, plan, signal } = run;
  const committed = await deps.workspaces.commit(
    {
      workspaceId,
      fence: claim.fence,
      message: `${step.title}\n\n${summary}`.trim(),
      authoredAt: await authoredAt(deps, claim),
      trailers: { "Ossaat-Plan": plan.id, "Ossaat-Step": step.id, "Ossaat-Agent": step.agent },
      allowedPaths,
    },
    { signal },
  );
  return { summary, head: committed.commit, ...counts(committed.files) };
}

type Prepared = { workspaceId: WorkspaceId; base: string };

async function judge(
  deps: StepDeps,
  run: StepRun,
  { workspaceId, base, report, text, history }: Prepared & { report: unknown; text: string; history: StepHistory },
): Promise<Verdict<StepResult>> {
  const { claim, step, signal } = run;
  const check: CheckResult = await checkSuccess(deps, { claim, step, workspaceId, history, report, signal });
  if (!check.ok)
    return { accepted: false, feedback: `The platform checked the result and it is not done yet. ${check.why}` };
  const words = reportResult(report, text);
  const tests = check.tests === undefined ? {} : { tests: check.tests };
  if (step.action !== "apply_changes") return { accepted: true, result: { ...words, head: base, ...tests } };
  const committed = await commitStep(deps, run, {
    workspaceId,
    summary: words.summary,
    allowedPaths: check.allowedPaths ?? step.envelope.paths,
  });
  return { accepted: true, result: { ...committed, ...words, ...tests } };
}

async function makeTask(deps: StepDeps, run: StepRun, prepared: Prepared): Promise<AgentTask<StepResult>> {
  const { claim, plan, step, profile, rows, repositoryPath } = run;
  const approved = JSON.parse(claim.plan.approved_json) as Record<string, string>;
  if (claim.plan.model === null) throw finalFailure("provider_failed", "no model is configured for this plan");
  // NOTE: commits of earlier steps exist only in the tool runner's own repository, so the index
  // reads the plan's base; the context says so.
  const repository = { tenantId: claim.plan.tenant_id, root: repositoryPath, commit: plan.repository.commit };
  return {
    profile,
    model: await chooseModel(deps.models, claim, { profile, planModel: claim.plan.model }),
    systemPrompt: buildSystemPrompt(profile, {
      goal: plan.goal,
      step,
      guidance: await readGuidance(deps.index, repository),
    }),
    assemble: () => assembleStepContext(deps.index, { plan, step, rows, repository }),
    workspaceId: prepared.workspaceId,
    envelope: step.envelope,
    budget: plan.budget,
    offered: await offeredTools(deps, claim, { profile, envelope: step.envelope }),
    control: finishTool,
    rules: { controlTool: finishTool.name, maxTurns: stepLimits.maxTurns, maxRejections: stepLimits.maxRejections },
    stepHash: hashStep(step),
    approvedHash: approved[step.id],
    judge: (finish) => judge(deps, run, { ...prepared, ...finish }),
  };
}

/**
 * Runs an agent's step to its recorded end, or leaves it parked.
 * @throws StepFailed, AgentError, LeaseLost
 */
export async function runAgentStep(deps: StepDeps, claim: Claim, signal: AbortSignal): Promise<void> {
  const run = await loadStepRun(deps, claim, signal);
  const base = stepBase(run.plan, run.step, run.rows);
  const history = readHistory(await readStepEvents(deps.engine.store.read, claim.planId, claim.stepId));
  const { repositoryPath } = run;
  // Who tests or reviews looks at the whole change of the plan, a writer at their own.
  const isReviewer = run.step.action !== "apply_changes";
  const workspaceId = await prepareWorkspace(deps, claim, {
    history,
    repositoryPath,
    commit: base,
    ...(isReviewer ? { diffBase: run.plan.repository.commit } : {}),
    signal,
  });
  const end = await runAgent(deps, claim, await makeTask(deps, run, { workspaceId, base }), signal);
  if (end.status === "accepted") await completeStep(deps.engine, claim, end.result);
}
