// The invariants of a plan at rest, over the engine's own database handle.
import { checkPlan, describeFinding, readPlanFacts } from "@ossaat/testkit";
import { sql } from "kysely";

import type { Engine } from "../job/engine.ts";

/** Everything wrong with a plan that has ended, one line each; empty when it is sound. */
export async function auditPlan(engine: Engine, planId: string): Promise<string[]> {
  const facts = await readPlanFacts(async (text, parameters) => {
    const parts = text.split("?");
    const query = sql<Record<string, unknown>>(Object.assign(parts, { raw: parts }), ...parameters);
    return (await query.execute(engine.store.read)).rows;
  }, planId);
  return checkPlan(facts).map(describeFinding);
}
