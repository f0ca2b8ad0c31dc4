// Asks the oracle about plans of a deployment, whose processes go on with others meanwhile.
import { createHash } from "node:crypto";

import type { RequestLine } from "../oracle/check-effects.ts";
import type { Downtime, StreamCapture } from "../oracle/check-streams.ts";
import { readPlanFacts } from "../oracle/facts.ts";
import type { PlanFacts, Query } from "../oracle/facts.ts";
import type { Finding } from "../oracle/finding.ts";
import { findFolderLeftovers, refsOf } from "../oracle/state-folder.ts";
import { judgeCheckout } from "./judge.ts";
import { judgePlan } from "./judge-plan.ts";
import type { PlanShape } from "./plan-shape.ts";
import type { World } from "./world.ts";

export type DeploymentEvidence = {
  /** Whose repository the plans are of. */
  world: World;
  query: Query;
  /** Folder in which the tool runner has its state, as `runner`. */
  folder: string;
  requests: readonly RequestLine[];
  planIds: readonly string[];
  shapeOf: (planId: string) => PlanShape | undefined;
  captures: (planId: string) => StreamCapture[];
  /** Times without the database or the broker. */
  downtimes: readonly Downtime[];
};

type Place = Pick<DeploymentEvidence, "query" | "folder">;

/** I4: every artifact that an event names is in the database and whole. */
async function findStoredArtifactProblems({ query }: Place, { events }: PlanFacts): Promise<string[]> {
  const problems: string[] = [];
  for (const ref of refsOf(events)) {
    const [row] = await query("select body from artifact where ref = ?", [ref]);
    if (row === undefined) problems.push(`artifact ${ref} is missing`);
    else if (
      createHash("sha256")
        .update(row["body"] as Buffer)
        .digest("hex") !== ref
    ) {
      problems.push(`artifact ${ref} is damaged`);
    }
  }
  return problems;
}

/** I9: what a plan has left beside its rows. */
async function findOtherLeftovers({ query, folder }: Place, plan: PlanFacts["plan"]): Promise<string[]> {
  const turns = await query("select id from turn_record where plan_id = ?", [plan.id]);
  return [
    ...findFolderLeftovers(folder, { plan }),
    ...(turns.length === 0 ? [] : [`${turns.length} recorded turns are still there`]),
  ];
}

/** Whether everything of these plans is cleared that is cleared after their end. */
export async function isCleared(place: Place, planIds: readonly string[]): Promise<boolean> {
  for (const planId of planIds) {
    const [message] = await place.query("select id from outbox where plan_id = ?", [planId]);
    if (message !== undefined) return false;
    const [plan] = (await place.query("select * from plan where id = ?", [planId])) as unknown as PlanFacts["plan"][];
    if (plan !== undefined && (await findOtherLeftovers(place, plan)).length > 0) return false;
  }
  return true;
}

/** Everything that is wrong with the plans and their repository. */
export async function judgeDeployment(evidence: DeploymentEvidence): Promise<Finding[]> {
  const { world, query, requests, planIds, shapeOf, captures, downtimes } = evidence;
  const findings = judgeCheckout(world);
  for (const planId of planIds) {
    const facts = await readPlanFacts(query, planId);
    const artifactProblems = await findStoredArtifactProblems(evidence, facts);
    const leftovers = await findOtherLeftovers(evidence, facts.plan);
    const of = { shape: shapeOf(planId), captures: captures(planId) };
    findings.push(...judgePlan(facts, { world, requests, ...of, downtimes, artifactProblems, leftovers }));
  }
  return findings;
}
