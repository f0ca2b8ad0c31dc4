// The invariants of a plan at rest, over the engine's own database handle.
import { checkPlan, describeFinding, readPlanFacts } from "@ossaat/testkit";
import { CompiledQuery } from "kysely";

import type { Engine } from "../job/engine.ts";

/** Everything wrong with a plan that has ended, one line each; empty when it is sound. */
export async function auditPlan(engine: Engine, planId: string): Promise<string[]> {
  const facts = await readPlanFacts(
    async (sql, parameters) =>
      (await engine.store.read.executeQuery<Record<string, unknown>>(CompiledQuery.raw(sql, [...parameters]))).rows,
    planId,
  );
  return checkPlan(facts).map(describeFinding);
}
