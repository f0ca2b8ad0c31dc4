// Routes of the queue: what waits in it, and the messages that nobody handled.
import { DeadLetterDecision, DeadLetterQuery, DeadLettersDecision } from "@ossaat/contracts";
import type { DeadLetterSummary, QueueStatusResponse } from "@ossaat/contracts";
import { Router } from "express";

import { identityOf, parse, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import { askQueue, ifThere } from "./ask-queue.ts";
import type { JobQueue } from "./job-queue.ts";
import { storeTime } from "./store-time.ts";
import { decideLetters, listLetters, requireLetter } from "./tenant-letters.ts";
import type { LettersDeps, TenantLetter } from "./tenant-letters.ts";

const summaryOf = ({ message: _message, ...summary }: TenantLetter): DeadLetterSummary => summary;

async function countWaiting({ engine }: LettersDeps, tenantId: string): Promise<number> {
  const row = await engine.store.read
    .selectFrom("outbox")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("tenant_id", "=", tenantId)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** Nothing where there is no broker to tell. */
async function countTakers({ workers }: JobQueue, pool: string, isWell: boolean) {
  if (workers === undefined) return {};
  return { workers: isWell ? await ifThere(workers(pool)) : null };
}

/** Workers whose leases hold, with their steps of the tenant. */
async function listBusy({ engine }: LettersDeps, tenantId: string) {
  const rows = await engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .select((eb) => ["step.lease_owner as worker", eb.fn.countAll<number>().as("running")])
    .where("plan.tenant_id", "=", tenantId)
    .where("step.lease_owner", "is not", null)
    .where("step.lease_until", ">", storeTime(engine))
    .groupBy("step.lease_owner")
    .orderBy("step.lease_owner")
    .execute();
  return rows.map(({ worker, running }) => ({ worker: worker ?? "", running }));
}

async function readStatus(deps: LettersDeps, tenantId: string): Promise<QueueStatusResponse> {
  const { health, pools } = await askQueue(deps.queue, deps.pools);
  const countLetters = async (pool: string) =>
    health.ok ? ifThere(deps.queue.deadLetters.count(pool, tenantId)) : null;
  const counts = await Promise.all(pools.map(({ pool }) => countLetters(pool)));
  const takers = await Promise.all(pools.map(({ pool }) => countTakers(deps.queue, pool, health.ok)));
  return {
    schemaVersion: 1,
    health,
    waiting: await countWaiting(deps, tenantId),
    pools: pools.map(({ pool, depth }, index) => ({
      pool,
      depth,
      deadLetters: counts[index] ?? null,
      ...takers[index],
    })),
    workers: await listBusy(deps, tenantId),
  };
}

export function queueRoutes(deps: LettersDeps): Router {
  const router = Router();
  router.get("/queue", async (_request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.read");
    response.json(await readStatus(deps, identity.tenantId));
  });
  router.get("/queue/dead-letters", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.read");
    const { plan, ...query } = parse(DeadLetterQuery, request.query);
    const { letters, hasMore } = await listLetters(deps, identity.tenantId, { ...query, planId: plan });
    response.json({ schemaVersion: 1, letters: letters.map(summaryOf), hasMore });
  });
  router.get("/queue/dead-letters/:letterId", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.read");
    const letter = await requireLetter(deps, identity.tenantId, textParam(request, "letterId"));
    response.json({ schemaVersion: 1, letter });
  });
  router.post("/queue/dead-letters/decisions", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.manage");
    const { tenantId, actor } = identity;
    const { decision, ...which } = parse(DeadLettersDecision, request.body ?? {});
    response.json({ schemaVersion: 1, decision, ...(await decideLetters(deps, { tenantId, actor, decision, which })) });
  });
  router.post("/queue/dead-letters/:letterId/decisions", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.manage");
    const { tenantId, actor } = identity;
    const { decision } = parse(DeadLetterDecision, request.body ?? {});
    const which = { ids: [textParam(request, "letterId")] };
    const { letters } = await decideLetters(deps, { tenantId, actor, decision, which });
    response.json({ schemaVersion: 1, letter: letters[0], decision });
  });
  return router;
}
