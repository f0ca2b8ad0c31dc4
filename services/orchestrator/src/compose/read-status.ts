// What a server says of itself and of what it stands on: parts that are away are marked, and hide no others.
import { AgentError, unreachableReason } from "@ossaat/contracts";
import type { StatusResponse, ToolRunnerHealth } from "@ossaat/contracts";

import { askHealth } from "../job/ask-queue.ts";
import type { Engine } from "../job/engine.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { storeTime } from "../job/store-time.ts";
import type { OrchestratorDeps } from "./orchestrator.ts";

/** Steps that wait this long while no lease is renewed anywhere have no worker, ms: twice a lease. */
const unclaimedMs = 60_000;

async function countPlans(engine: Engine, tenantId: string, statuses: readonly string[]): Promise<number> {
  const row = await engine.store.read
    .selectFrom("plan")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("tenant_id", "=", tenantId)
    .where("status", "in", statuses as never)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** Plans in which something runs or will run without a person; of all tenants unless one is named. */
export async function countActive(engine: Engine, tenantId?: string): Promise<number> {
  const active = engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .select((eb) => eb.fn.count<number>("plan.id").distinct().as("count"))
    .where("step.status", "in", ["ready", "running", "backoff"])
    .where("plan.status", "in", ["draft", "pending", "running", "cancelling"]);
  const query = tenantId === undefined ? active : active.where("plan.tenant_id", "=", tenantId);
  const { count } = await query.executeTakeFirstOrThrow();
  return count;
}

/** Plans that wait for a person: the plan itself, or a step of it. */
async function countWaiting(engine: Engine, tenantId: string): Promise<number> {
  const asking = engine.store.read.selectFrom("approval").select("plan_id").where("status", "=", "pending");
  const row = await engine.store.read
    .selectFrom("plan")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("tenant_id", "=", tenantId)
    .where((eb) => eb.or([eb("status", "=", "awaiting_approval"), eb("id", "in", asking)]))
    .executeTakeFirstOrThrow();
  return row.count;
}

type RunnerStatus = Pick<StatusResponse, "toolRunner"> & { sandbox: ToolRunnerHealth["sandbox"] };

/** @throws AgentError when it failed in another way than by being away */
async function askRunner({ tools, runnerAddress }: OrchestratorDeps): Promise<RunnerStatus> {
  try {
    return { sandbox: (await tools.health()).sandbox };
  } catch (thrown) {
    const error = AgentError.from(thrown);
    const isAway = error.details["reason"] === unreachableReason || error.code === "timeout";
    if (!isAway && error.code !== "unavailable") throw error;
    const detail = error.message;
    const where = runnerAddress === undefined ? "" : ` at ${runnerAddress}`;
    return {
      sandbox: { driver: "unavailable", detail },
      toolRunner: { ok: false, detail, next: `start the tool runner${where}; steps go on with it by themselves` },
    };
  }
}

/**
 * Steps wait and no lease is renewed, so no worker lives. A process that runs steps itself is one.
 * Leases of everybody are looked at: a worker serves all tenants.
 */
async function findNoWorker(deps: OrchestratorDeps, engine: Engine): Promise<Pick<StatusResponse, "workers">> {
  if (deps.role !== "api") return {};
  const waiting = await engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("step.status", "=", "ready")
    .where("plan.status", "in", ["draft", "pending", "running", "cancelling"])
    .where((eb) => eb.fn.coalesce("step.waiting_since", "step.ready_at"), "<=", storeTime(engine, -unclaimedMs))
    .executeTakeFirstOrThrow();
  if (waiting.count === 0) return {};
  const lease = await deps.store.read
    .selectFrom("step")
    .select("step_id")
    .where("status", "=", "running")
    .where("lease_until", ">", storeTime(engine))
    .limit(1)
    .executeTakeFirst();
  if (lease !== undefined) return {};
  const text = waiting.count === 1 ? "1 step waits" : `${waiting.count} steps wait`;
  return {
    workers: {
      ok: false,
      detail: `no worker takes steps: ${text} for more than ${unclaimedMs / 1000} s, and none runs`,
      next: "start an orchestrator with OSSAAT_ROLE=worker; what waits goes on by itself",
    },
  };
}

export type StatusQuestion = { engine: Engine; startedAt: string; tenantId: string; queue: JobQueue };

/** @param engine that of the tenant who asks */
export async function readStatus(
  deps: OrchestratorDeps,
  { engine, startedAt, tenantId, queue }: StatusQuestion,
): Promise<StatusResponse> {
  const open = ["draft", "awaiting_approval", "pending", "running", "paused", "cancelling"];
  const health = await askHealth(queue);
  return {
    schemaVersion: 1,
    version: deps.version,
    pid: process.pid,
    startedAt,
    model: deps.models.defaultRef(),
    providerKeys: [...deps.providerKeys],
    ...(await askRunner(deps)),
    queue: health,
    // Without its broker a worker hears of no step: that is told already.
    ...(health.ok && !health.blocked ? await findNoWorker(deps, engine) : {}),
    plans: {
      open: await countPlans(engine, tenantId, open),
      running: await countActive(engine, tenantId),
      awaitingApproval: await countWaiting(engine, tenantId),
    },
    stateDir: deps.stateDir,
  };
}
