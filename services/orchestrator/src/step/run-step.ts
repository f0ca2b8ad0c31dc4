// Runs a claimed step by its kind and records how it ended, whatever happened.
import { isPlanningStepId } from "@ossaat/contracts";
import type { Plan } from "@ossaat/contracts";
import { stepEnd, stepSpan, withSpan } from "@ossaat/telemetry";

import { failStep } from "../job/end-step.ts";
import type { Failure } from "../job/end-step.ts";
import { LeaseLost } from "../job/engine.ts";
import type { Claim } from "../job/engine.ts";
import { isStoreTrouble } from "../store/store-outage.ts";
import { StepStopped } from "../job/worker.ts";
import type { StepRunner } from "../job/worker.ts";
import { stepLimits } from "./limits.ts";
import { runAgentStep } from "./run-agent-step.ts";
import { runFinishStep } from "./run-finish-step.ts";
import { runMergeStep } from "./run-merge-step.ts";
import { runPlanningStep } from "./run-planning-step.ts";
import type { PlanningDeps } from "./run-planning-step.ts";
import { toFailure } from "./step-error.ts";
import { StepFailed } from "./step-failed.ts";

async function dispatch(deps: PlanningDeps, claim: Claim, signal: AbortSignal): Promise<void> {
  switch (claim.step.kind) {
    case "planning":
      return runPlanningStep(deps, claim, signal);
    case "merge":
      return runMergeStep(deps, claim, signal);
    case "finish":
      return runFinishStep(deps, claim, signal);
    default:
      return runAgentStep(deps, claim, signal);
  }
}

/** Wall time of one attempt, seconds: the smaller of the step's time limit and its budget's minutes. */
function timeoutSeconds(claim: Claim): number {
  const plan = claim.plan.def_json === null ? undefined : (JSON.parse(claim.plan.def_json) as Plan);
  const step = plan?.steps.find(({ id }) => id === claim.stepId);
  const limits = [
    ...(step === undefined || step.timeoutSeconds === 0 ? [] : [step.timeoutSeconds]),
    ...(step?.envelope.budget.maxMinutes === undefined ? [] : [step.envelope.budget.maxMinutes * 60]),
  ];
  return limits.length === 0 ? stepLimits.defaultTimeoutSeconds : Math.min(...limits);
}

/** A planner whose plan was refused to the end reports that, not a generic check failure. */
function named(claim: Claim, failure: Failure): Failure {
  if (!isPlanningStepId(claim.stepId) || failure.reason !== "check_failed") return failure;
  const message = failure.message.replace(
    "the agent's work did not pass its check",
    "the planner handed in no valid plan",
  );
  return { ...failure, reason: "plan_invalid", message };
}

/** Follows the worker's signal and adds the step's own time limit. */
function withDeadline(signal: AbortSignal, seconds: number): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new StepStopped("deadline")), seconds * 1000);
  const forward = () => controller.abort(signal.reason);
  if (signal.aborted) forward();
  signal.addEventListener("abort", forward, { once: true });
  const clear = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", forward);
  };
  return { signal: controller.signal, clear };
}

function failureOf(deps: PlanningDeps, claim: Claim, thrown: unknown): Failure {
  const failure = thrown instanceof StepFailed ? thrown.failure : toFailure(thrown);
  if (failure.code === "internal") {
    deps.engine.log.error({ planId: claim.planId, stepId: claim.stepId, error: thrown }, "step failed unexpectedly");
  }
  return named(claim, failure);
}

/** Runs the step; a failure is recorded and returned. */
async function runRecorded(deps: PlanningDeps, claim: Claim, workerSignal: AbortSignal): Promise<Failure | undefined> {
  const seconds = timeoutSeconds(claim);
  const { signal, clear } = withDeadline(workerSignal, seconds);
  try {
    await dispatch(deps, claim, signal);
    return undefined;
  } catch (thrown) {
    const isStopped = workerSignal.aborted || thrown === deps.draining?.reason;
    if (thrown instanceof LeaseLost || isStopped || isStoreTrouble(thrown)) throw thrown;
    const message = `the step took longer than ${seconds} s`;
    const failure: Failure = signal.aborted
      ? { reason: "timeout", code: "limit_exceeded", message, retryable: false }
      : failureOf(deps, claim, thrown);
    await failStep(deps.engine, claim, failure);
    return failure;
  } finally {
    clear();
  }
}

/** Makes the runner a worker calls. */
export function createStepRunner(deps: PlanningDeps): StepRunner {
  return (claim, workerSignal) => {
    const { planId, stepId, attempt } = claim;
    const { kind } = claim.step;
    return withSpan(stepSpan({ planId, stepId, attempt, kind, tenantId: claim.plan.tenant_id }), async (span) => {
      const failure = await runRecorded(deps, claim, workerSignal);
      if (failure === undefined) return;
      span.fail(failure.code);
      span.set(stepEnd(failure));
    });
  };
}
