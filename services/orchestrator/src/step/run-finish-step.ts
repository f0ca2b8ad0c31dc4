// The platform's last step: publish the branch, write the evidence, end the plan.
import { AgentError, finishStepId, foldPlan, isTerminalStep } from "@ossaat/contracts";
import type { EndReason, EventData, Plan, PlanEvent, PlanState } from "@ossaat/contracts";

import { readEvents } from "../event/read-events.ts";
import { changeClaimed } from "../job/claim-step.ts";
import { keyOf } from "../job/end-step.ts";
import type { Claim } from "../job/engine.ts";
import { endPlan } from "../plan/end-plan.ts";
import { clearPlan } from "./clear-ended.ts";
import { gatherEvidence } from "./evidence.ts";
import { renderEvidence } from "./render-evidence.ts";
import { finalCommit } from "./step-base.ts";
import type { StepDeps } from "./step-deps.ts";
import { finalFailure } from "./step-failed.ts";
import { endAttempt, leaveRunning, listSteps } from "./step-rows.ts";

/** Name of the branch a plan ends with. */
function branchOf(planId: string): string {
  return `ossaat/${planId}`;
}

type Log = { events: PlanEvent[]; state: PlanState };

async function readLog(deps: Pick<StepDeps, "engine">, planId: string): Promise<Log> {
  const events: PlanEvent[] = [];
  let state: PlanState | undefined;
  for (;;) {
    const page = await readEvents(deps.engine.store.read, planId, { afterSeq: events.at(-1)?.seq ?? 0 });
    for (const event of page) state = foldPlan(state, event);
    events.push(...page);
    if (page.length === 0 && state !== undefined) return { events, state };
    if (page.length === 0) throw finalFailure("internal", "the plan has no log", "internal");
  }
}

/** Why a plan whose steps have all ended did not succeed; undefined when it did. */
export function firstBadEnd(state: PlanState): { reason: EndReason; message: string } | undefined {
  const bad = state.steps.find(
    (step) => isTerminalStep(step.status) && step.status !== "succeeded" && step.reason !== "upstream",
  );
  const any = bad ?? state.steps.find((step) => step.status !== "succeeded");
  if (any === undefined) return undefined;
  return { reason: any.reason ?? "internal", message: `step ${any.id}: ${any.message ?? any.status}` };
}

async function publish(deps: StepDeps, claim: Claim, signal: AbortSignal): Promise<{ branch: string; commit: string }> {
  const plan = JSON.parse(claim.plan.def_json ?? "null") as Plan;
  const commit = finalCommit(plan, await listSteps(deps.engine.store.read, claim.planId));
  const { repository_path: repositoryPath } = claim.plan;
  return deps.workspaces.publish(
    { planId: claim.planId, repositoryPath, branch: branchOf(claim.planId), commit },
    { signal },
  );
}

/** Writes the evidence into the user's repository; says why when that cannot be done. */
async function copyEvidence(
  deps: StepDeps,
  { planId, plan }: Claim,
  files: { name: string; content: string }[],
): Promise<{ recordProblem?: string }> {
  try {
    await deps.workspaces.writeRecord({ planId, repositoryPath: plan.repository_path, files });
    return {};
  } catch (error) {
    const recordProblem = AgentError.from(error).message;
    deps.engine.log.warn({ planId, problem: recordProblem }, "evidence files were not written");
    return { recordProblem };
  }
}

/** Stores the evidence; its copy in the repository may fail without harm to the plan's end. */
async function recordEvidence(
  deps: StepDeps,
  claim: Claim,
  { log, end }: { log: Log; end: Parameters<typeof gatherEvidence>[1]["end"] },
): Promise<Pick<EventData<"plan.finished">, "evidenceRef" | "recordProblem">> {
  const evidence = await gatherEvidence(deps.engine.artifacts, { ...log, end });
  const json = `${JSON.stringify(evidence, null, 2)}\n`;
  const { ref: evidenceRef } = await deps.engine.artifacts.put(json);
  const copied = await copyEvidence(deps, claim, [
    { name: "evidence.json", content: json },
    { name: "evidence.md", content: renderEvidence(evidence) },
  ]);
  return { evidenceRef, ...copied };
}

/** Records how the plan ended, with its last step. @throws LeaseLost */
export async function recordEnd(
  deps: Pick<StepDeps, "engine">,
  claim: Claim,
  end: EventData<"plan.finished">,
): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(deps.engine, claim, async (change) => {
    await leaveRunning(change.tx, key, { status: "succeeded" });
    await endAttempt(change.tx, key, { now: change.now, outcome: "succeeded" });
    const { attempt } = key;
    await change.append({ type: "step.finished", stepId: finishStepId, attempt, data: { status: "succeeded" } });
    // NOTE: the branch is out already; the record says so, and that somebody had cancelled the plan.
    const isCancelled = change.plan.cancel_at !== null;
    await endPlan(change, isCancelled ? { ...end, status: "cancelled", reason: "cancelled" } : end);
  });
}

/** @throws AgentError from the tool runner, LeaseLost */
export async function runFinishStep(deps: StepDeps, claim: Claim, signal: AbortSignal): Promise<void> {
  const log = await readLog(deps, claim.planId);
  const bad = firstBadEnd(log.state);
  const published = bad === undefined ? await publish(deps, claim, signal) : {};
  const status = bad === undefined ? ("succeeded" as const) : ("failed" as const);
  const end = { status, ...published, ...(bad === undefined ? {} : { reason: bad.reason }) };
  const evidence = await recordEvidence(deps, claim, { log, end });
  await recordEnd(deps, claim, { ...end, ...evidence, ...(bad === undefined ? {} : { message: bad.message }) });
  await clearPlan(deps, { planId: claim.planId, status });
}
