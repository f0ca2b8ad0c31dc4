// Backpressure at the door: a tenant with too much unfinished work is told to come again later.
import { AgentError } from "@ossaat/contracts";

import type { Engine } from "../job/engine.ts";
import { planFeatureLimits } from "./limits.ts";

/** Steps of a tenant that have not ended, counted no further than `limit`. */
async function countOpenSteps({ store }: Engine, tenantId: string, limit: number): Promise<number> {
  const open = store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .select("step.step_id")
    .where("plan.tenant_id", "=", tenantId)
    .where("plan.finished_at", "is", null)
    .where("step.status", "not in", ["succeeded", "failed", "skipped", "cancelled"])
    .limit(limit);
  const row = await store.read
    .selectFrom(open.as("open"))
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return row.count;
}

/**
 * Commands that arrive at the same moment may pass together: the bound protects the server, it is no
 * account.
 * @throws AgentError rate_limited, which names the limit and when to come again
 */
export async function checkOpenSteps(engine: Engine, tenantId: string): Promise<void> {
  const { maxOpenSteps = planFeatureLimits.maxOpenSteps } = engine;
  if ((await countOpenSteps(engine, tenantId, maxOpenSteps)) < maxOpenSteps) return;
  throw new AgentError("rate_limited", `There are ${maxOpenSteps} unfinished steps already, the most allowed here.`, {
    details: {
      maxOpenSteps,
      retryAfterSeconds: planFeatureLimits.openStepsRetrySeconds,
      next: "`ossaat runs` lists open plans: decide or cancel some, or wait; the limit is the setting server.maxOpenSteps (OSSAAT_MAX_OPEN_STEPS) of the server",
    },
  });
}
