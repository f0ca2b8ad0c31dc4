// Reads plans for people: one, or a page of them.
import { PlanId } from "@ossaat/contracts";
import type { PlanListResponse, PlanState, PlanSummary } from "@ossaat/contracts";

import { toTimestamp } from "../clock.ts";
import { readPlanState } from "../event/read-events.ts";
import { planNotFound } from "../job/engine.ts";
import { listSteps } from "../step/step-rows.ts";
import type { Reader } from "../store/store.ts";
import type { PlanRow } from "../store/tables.ts";
import type { PlanOptions } from "./create-plan.ts";
import { planFeatureLimits } from "./limits.ts";

/** The plan row of a tenant. @throws AgentError not_found, also for plans of other tenants */
export async function requirePlan(read: Reader, planId: string, tenantId: string): Promise<PlanRow> {
  if (!PlanId.safeParse(planId).success) throw planNotFound(planId.slice(0, 80));
  const row = await read
    .selectFrom("plan")
    .selectAll()
    .where("id", "=", planId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  if (row === undefined) throw planNotFound(planId);
  return row;
}

/** The whole state of a plan, folded from its log. @throws AgentError not_found */
export async function getPlanState(read: Reader, planId: string, tenantId: string): Promise<PlanState> {
  await requirePlan(read, planId, tenantId);
  const state = await readPlanState(read, planId);
  if (state === undefined) throw planNotFound(planId);
  return state;
}

async function summarize(read: Reader, row: PlanRow): Promise<PlanSummary> {
  const steps = (await listSteps(read, row.id)).filter((step) => step.kind === "agent" || step.kind === "merge");
  const pending = await read
    .selectFrom("approval")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("plan_id", "=", row.id)
    .where("status", "=", "pending")
    .executeTakeFirstOrThrow();
  const end = await read
    .selectFrom("event")
    .select("data_json")
    .where("plan_id", "=", row.id)
    .where("type", "=", "plan.finished")
    .executeTakeFirst();
  const finished = end === undefined ? {} : (JSON.parse(end.data_json) as { reason?: string; branch?: string });
  const options = JSON.parse(row.options_json) as Partial<PlanOptions>;
  return {
    id: PlanId.parse(row.id),
    goal: row.goal,
    status: row.status,
    ...(finished.reason === undefined ? {} : { reason: finished.reason }),
    ...(finished.branch === undefined ? {} : { branch: finished.branch }),
    repositoryPath: row.repository_path,
    createdAt: toTimestamp(row.created_at),
    updatedAt: toTimestamp(row.updated_at),
    ...(row.finished_at === null ? {} : { finishedAt: toTimestamp(row.finished_at) }),
    steps: { total: steps.length, done: steps.filter((step) => step.status === "succeeded").length },
    pendingApprovals: pending.count,
    costUsd: row.spent_cost_usd,
    unknownCostTurns: row.unknown_cost_turns,
    scripted: isScripted(row, options),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
  };
}

/** By the model that runs the plan, which its approval may have chosen. */
function isScripted({ model }: PlanRow, { scripted }: Partial<PlanOptions>): boolean {
  return model === null ? scripted === true : model.startsWith("scripted:");
}

/** Newest first; `cursor` is the creation time and id of the last plan of the page before. */
export async function listPlans(
  read: Reader,
  { tenantId, cursor, repositoryPath }: { tenantId: string; cursor?: string; repositoryPath?: string },
): Promise<PlanListResponse> {
  let query = read
    .selectFrom("plan")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(planFeatureLimits.pageSize + 1);
  if (repositoryPath !== undefined) query = query.where("repository_path", "=", repositoryPath);
  const [at, id] = cursor?.split("~") ?? [];
  const before = Number(at);
  if (Number.isSafeInteger(before) && id !== undefined) {
    query = query.where((eb) =>
      eb.or([eb("created_at", "<", before), eb.and([eb("created_at", "=", before), eb("id", "<", id)])]),
    );
  }
  const rows = await query.execute();
  const page = rows.slice(0, planFeatureLimits.pageSize);
  const plans: PlanSummary[] = [];
  for (const row of page) plans.push(await summarize(read, row));
  const last = page.at(-1);
  const more = rows.length > page.length && last !== undefined;
  return { schemaVersion: 1, plans, ...(more ? { nextCursor: `${last.created_at}~${last.id}` } : {}) };
}
