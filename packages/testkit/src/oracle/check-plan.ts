// Every invariant that rows and log of one plan can show.
import {
  findLeftovers,
  findOpenEnds,
  findRepeatedSuccess,
  findReplayProblems,
  findSequenceGaps,
} from "./check-rows.ts";
import { findEarlyStarts, findFenceBreaches, findUnapproved } from "./check-order.ts";
import type { PlanFacts } from "./facts.ts";
import type { Finding, Invariant } from "./finding.ts";

const checks: readonly [Invariant, (facts: PlanFacts) => string[]][] = [
  ["I1", findOpenEnds],
  ["I2", findRepeatedSuccess],
  ["I3", findSequenceGaps],
  ["I4", findReplayProblems],
  ["I6", ({ events }) => findEarlyStarts(events)],
  ["I7", ({ events }) => findUnapproved(events)],
  ["I8", ({ events }) => findFenceBreaches(events)],
  ["I9", findLeftovers],
];

/** What is wrong with a plan at rest; empty when it is sound. */
export function checkPlan(facts: PlanFacts): Finding[] {
  const planId = facts.plan.id;
  return checks.flatMap(([invariant, find]) => find(facts).map((message) => ({ invariant, planId, message })));
}
