// Reads everything that a chaos run of the embedded server left behind and asks the oracle.
import type { Downtime, StreamCapture } from "../oracle/check-streams.ts";
import { readPlanFacts } from "../oracle/facts.ts";
import type { Finding } from "../oracle/finding.ts";
import { findCheckoutProblems, readCheckout } from "../oracle/git-state.ts";
import { findArtifactProblems, findFolderLeftovers, openStateDatabase } from "../oracle/state-folder.ts";
import { judgePlan } from "./judge-plan.ts";
import type { PlanShape } from "./plan-shape.ts";
import type { World } from "./world.ts";

export type Evidence = {
  world: World;
  shapeOf: (planId: string) => PlanShape | undefined;
  captures: (planId: string) => StreamCapture[];
  /** Times without a server; undefined = the clock jumped, so that the log's times say nothing. */
  downtimes: readonly Downtime[] | undefined;
};

/** What is wrong with the user's own checkout. */
export function judgeCheckout({ repository, checkout }: Pick<World, "repository" | "checkout">): Finding[] {
  return findCheckoutProblems(readCheckout(repository), checkout).map((message): Finding => ({
    invariant: "I4",
    planId: "repository",
    message,
  }));
}

/** Everything that is wrong after a run; its server must not run any more. */
export async function judge({ world, shapeOf, captures, downtimes }: Evidence): Promise<Finding[]> {
  const database = openStateDatabase(world.stateDir);
  try {
    const findings = judgeCheckout(world);
    for (const planId of database.planIds()) {
      const facts = await readPlanFacts(database.query, planId);
      const one = {
        world,
        requests: world.requests(),
        shape: shapeOf(planId),
        captures: captures(planId),
        downtimes,
        artifactProblems: findArtifactProblems(world.stateDir, facts.events),
        leftovers: findFolderLeftovers(world.stateDir, facts),
      };
      findings.push(...judgePlan(facts, one));
    }
    return findings;
  } finally {
    database.close();
  }
}
