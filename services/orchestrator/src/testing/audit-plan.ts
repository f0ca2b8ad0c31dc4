// The invariants of a plan at rest, over the engine's own database handle.
import { checkPlan, describeFinding, readPlanFacts } from "@ossaat/testkit";
import { sql } from "kysely";

import { foldRows } from "../archive/check-archive.ts";
import { findForgedAttempt } from "../archive/check-attempts.ts";
import { readPlanRows } from "../archive/plan-rows.ts";
import type { Engine } from "../job/engine.ts";

/** Why another server would take the plan's attempts and counts for forged; undefined = it takes them. */
export async function findUnportable({ store }: Engine, planId: string): Promise<string | undefined> {
  const read = await store.tx((tx) => readPlanRows(tx, planId));
  if (read === undefined) return undefined;
  const { events, ...rows } = read;
  return findForgedAttempt({ rows, events, state: foldRows(events) });
}

/** Everything wrong with a plan that has ended, one line each; empty when it is sound. */
export async function auditPlan(engine: Engine, planId: string): Promise<string[]> {
  const facts = await readPlanFacts(async (text, parameters) => {
    const parts = text.split("?");
    const query = sql<Record<string, unknown>>(Object.assign(parts, { raw: parts }), ...parameters);
    return (await query.execute(engine.store.read)).rows;
  }, planId);
  const unportable = await findUnportable(engine, planId);
  return [...checkPlan(facts).map(describeFinding), ...(unportable === undefined ? [] : [unportable])];
}
