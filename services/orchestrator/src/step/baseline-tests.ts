// Which tests failed before the plan began: run once per step, on the plan's base commit in a
// working tree of its own, and only when tests fail after the change.
import { WorkspaceId } from "@ossaat/contracts";
import type { Envelope, Plan, TestReport } from "@ossaat/contracts";

import { load } from "../artifact/artifacts.ts";
import type { Claim } from "../job/engine.ts";
import { allowPlatformCall } from "./decide-for-platform.ts";
import { executeCall } from "./execute-call.ts";
import { baselineCallId } from "./history.ts";
import type { StepHistory } from "./history.ts";
import type { StepDeps } from "./step-deps.ts";

export type BaselineInput = { claim: Claim; envelope: Envelope; history: StepHistory; signal: AbortSignal };

type Output = { tests?: TestReport };

async function runOnBase(deps: StepDeps, { claim, envelope, signal }: BaselineInput): Promise<Output> {
  const { repository } = JSON.parse(claim.plan.def_json ?? "null") as Plan;
  const workspaceId = WorkspaceId.parse(`base.${claim.planId}.${claim.stepId}`);
  const where = { workspaceId, planId: claim.planId, repositoryPath: claim.plan.repository_path };
  await deps.workspaces.open({ ...where, commit: repository.commit }, { signal });
  const bounds = { ...envelope, paths: [], tools: ["run_tests"] };
  const call = { callId: baselineCallId, tool: "run_tests", input: {}, envelope: bounds } as const;
  const decided = await allowPlatformCall(deps, claim, call);
  return executeCall(
    deps,
    {
      claim,
      callId: baselineCallId,
      tool: "run_tests",
      inputJson: JSON.stringify({}),
      title: "compare: run the tests as they were before",
      envelope: bounds,
      decided,
      workspaceId,
      policyHash: "baseline",
      approvedOutside: false,
    },
    signal,
  );
}

/**
 * Names of tests that failed on the base commit; undefined when that is not known, because they
 * crashed, were not found or too many failed to be listed.
 */
export async function testsFailingBefore(
  deps: StepDeps,
  input: BaselineInput,
): Promise<ReadonlySet<string> | undefined> {
  const known = input.history.calls.get(baselineCallId)?.finished;
  const output =
    known?.state === "completed"
      ? ((await load(deps.engine.artifacts, known.output)) as Output)
      : await runOnBase(deps, input);
  const names = output.tests === undefined ? undefined : failedNames(output.tests);
  return names === undefined ? undefined : new Set(names);
}

/** Every failed test of a report by name; undefined when the report does not name them all. */
export function failedNames({ status, failed, failures }: TestReport): string[] | undefined {
  if (status === "passed") return [];
  if (status !== "failed" || failures.length === 0 || failures.length !== failed) return undefined;
  return failures.map(({ name }) => name);
}
