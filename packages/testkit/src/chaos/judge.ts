// Reads everything that a chaos run left behind and asks the oracle.
import type { Downtime, StreamCapture } from "../oracle/check-streams.ts";
import { findLateNotices, findLateRecoveries, findStreamProblems } from "../oracle/check-streams.ts";
import { findEffectProblems, findRepeatedTurns } from "../oracle/check-effects.ts";
import { checkPlan } from "../oracle/check-plan.ts";
import { replay } from "../oracle/check-rows.ts";
import { readPlanFacts } from "../oracle/facts.ts";
import type { PlanFacts } from "../oracle/facts.ts";
import type { Finding, Invariant } from "../oracle/finding.ts";
import { findBranchProblems, findCheckoutProblems, readBranch, readCheckout } from "../oracle/git-state.ts";
import { findArtifactProblems, findFolderLeftovers, openStateDatabase } from "../oracle/state-folder.ts";
import { effectCalls, expectedFiles, expectedStatus } from "./plan-shape.ts";
import type { PlanShape } from "./plan-shape.ts";
import { baseFiles } from "./world.ts";
import type { World } from "./world.ts";

export type Evidence = {
  world: World;
  shapeOf(planId: string): PlanShape | undefined;
  captures(planId: string): StreamCapture[];
  /** Times without a server; undefined = the clock jumped, so that the log's times say nothing. */
  downtimes: readonly Downtime[] | undefined;
};

function judgePlan(facts: PlanFacts, evidence: Evidence): Finding[] {
  const { world } = evidence;
  const { events, plan } = facts;
  const planId = plan.id;
  const of = (invariant: Invariant, messages: readonly string[]) =>
    messages.map((message): Finding => ({ invariant, planId, message }));
  const mine = <T extends { planId: string }>(lines: readonly T[]) => lines.filter((line) => line.planId === planId);
  const { state } = replay(events);
  const shape = evidence.shapeOf(planId);
  const { downtimes } = evidence;
  const findings = [
    ...checkPlan(facts),
    ...of("I4", findArtifactProblems(world.stateDir, events)),
    ...of("I5", findRepeatedTurns(mine(world.requests()))),
    ...of("I9", findFolderLeftovers(world.stateDir, facts)),
    ...of("I10", findStreamProblems(events, evidence.captures(planId))),
    ...of("I11", downtimes === undefined ? [] : findLateNotices(events, downtimes)),
    ...of("I11", downtimes === undefined ? [] : findLateRecoveries(events, downtimes)),
  ];
  if (shape === undefined || state === undefined) return [...findings, ...of("I1", ["nobody asked for this plan"])];
  const calls = effectCalls(shape.steps);
  const expected = expectedStatus(shape);
  const why = `${state.reason ?? ""} ${state.message ?? ""}`.trim();
  const branch = readBranch(world.repository, `ossaat/${planId}`, world.base);
  // What a person interfered with may lack what they did not allow; its other rules hold all the same.
  const files = expected === undefined ? (branch?.files ?? {}) : { ...baseFiles, ...expectedFiles(shape) };
  return [
    ...findings,
    ...of(
      "I5",
      findEffectProblems(events, mine(world.effects()), (step, call) => calls.has(`${step} ${call}`)),
    ),
    ...of("I4", findBranchProblems(branch, { plan: state, events, files })),
    ...(expected === undefined || expected === state.status
      ? []
      : of("I1", [`the plan had to be ${expected} and is ${state.status}: ${why}`])),
  ];
}

/** Everything that is wrong after a run; its server must not run any more. */
export async function judge(evidence: Evidence): Promise<Finding[]> {
  const { world } = evidence;
  const database = openStateDatabase(world.stateDir);
  try {
    const findings: Finding[] = findCheckoutProblems(readCheckout(world.repository), world.checkout).map(
      (message): Finding => ({ invariant: "I4", planId: "repository", message }),
    );
    for (const planId of database.planIds()) {
      findings.push(...judgePlan(await readPlanFacts(database.query, planId), evidence));
    }
    return findings;
  } finally {
    database.close();
  }
}
