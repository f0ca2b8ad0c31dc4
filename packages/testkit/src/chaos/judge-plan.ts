// Asks the oracle about one plan at rest, wherever it ran.
import type { Downtime, StreamCapture } from "../oracle/check-streams.ts";
import { findLateNotices, findLateRecoveries, findStreamProblems } from "../oracle/check-streams.ts";
import { findEffectProblems, findRepeatedTurns } from "../oracle/check-effects.ts";
import type { RequestLine } from "../oracle/check-effects.ts";
import { checkPlan } from "../oracle/check-plan.ts";
import { findUnprovenPoison, hasProvenPoison } from "../oracle/check-poison.ts";
import { replay } from "../oracle/check-rows.ts";
import type { PlanFacts } from "../oracle/facts.ts";
import type { Finding, Invariant } from "../oracle/finding.ts";
import { findBranchProblems, readBranch } from "../oracle/git-state.ts";
import { effectCalls, expectedFiles, expectedStatus } from "./plan-shape.ts";
import type { PlanShape } from "./plan-shape.ts";
import { baseFiles } from "./world.ts";
import type { World } from "./world.ts";

export type PlanEvidence = {
  world: Pick<World, "repository" | "base" | "effects">;
  /** Of all plans. */
  requests: readonly RequestLine[];
  shape: PlanShape | undefined;
  captures: readonly StreamCapture[];
  /** Times without a server; undefined = the clock jumped, so that the log's times say nothing. */
  downtimes: readonly Downtime[] | undefined;
  /** What is wrong with the artifacts that its events name. */
  artifactProblems: readonly string[];
  /** What it left beside its rows. */
  leftovers: readonly string[];
};

/** What is wrong with a plan of which nothing runs any more. */
export function judgePlan(facts: PlanFacts, evidence: PlanEvidence): Finding[] {
  const { world, shape, downtimes } = evidence;
  const { events, plan } = facts;
  const planId = plan.id;
  const of = (invariant: Invariant, messages: readonly string[]) =>
    messages.map((message): Finding => ({ invariant, planId, message }));
  const mine = <T extends { planId: string }>(lines: readonly T[]) => lines.filter((line) => line.planId === planId);
  const { state } = replay(events);
  const findings = [
    ...checkPlan(facts),
    ...of("I1", findUnprovenPoison(events)),
    ...of("I4", evidence.artifactProblems),
    ...of("I5", findRepeatedTurns(mine(evidence.requests))),
    ...of("I9", evidence.leftovers),
    ...of("I10", findStreamProblems(events, evidence.captures)),
    ...of("I11", downtimes === undefined ? [] : findLateNotices(events, downtimes)),
    ...of("I11", downtimes === undefined ? [] : findLateRecoveries(events, downtimes)),
  ];
  if (shape === undefined || state === undefined) return [...findings, ...of("I1", ["nobody asked for this plan"])];
  const calls = effectCalls(shape.steps);
  const intended = expectedStatus(shape);
  // What is lost more often than it may be has to be given up.
  const expected = intended === "succeeded" && hasProvenPoison(events) ? "failed" : intended;
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
