// T1: takes a goal and starts its planning. Durable before it is answered.
import { isAbsolute } from "node:path";

import { AgentError, CreatePlanRequest, PlanId, planningStepId, priorityNumber } from "@ossaat/contracts";
import type { Actor, EventData, RepositoryInfo, RunMode, WorkspaceService } from "@ossaat/contracts";
import { activeTraceId, currentTraceparent } from "@ossaat/telemetry";

import { appendEvents } from "../event/append-events.ts";
import { capBudget } from "../job/cap-budget.ts";
import { dispatchStep } from "../job/dispatch-step.ts";
import type { Engine } from "../job/engine.ts";
import { readStoreTime } from "../job/store-time.ts";
import type { Models } from "../provider/models.ts";
import { insertStep } from "../step/step-rows.ts";
import type { Tx } from "../store/store.ts";
import { checkOpenSteps } from "./check-open-steps.ts";
import { recallAnswer, rememberAnswer } from "./idempotency.ts";
import { defaultBudget } from "./limits.ts";

export type PlanDeps = {
  engine: Engine;
  workspaces: Pick<WorkspaceService, "inspect">;
  models: Models;
  sandbox: EventData<"plan.created">["sandbox"];
  /** Mode the server runs in; absent = consumer. */
  runMode?: RunMode | undefined;
};

export type CreatePlanInput = {
  request: CreatePlanRequest;
  tenantId: string;
  actor: Actor;
  idempotencyKey?: string | undefined;
};

export type PlanOptions = EventData<"plan.created">;

/** Number of a plan's first event. */
const firstSeq = 1;

/** Writes the plan row, its first event and its first planning round. */
export async function insertPlan(
  engine: Engine,
  tx: Tx,
  { planId, options, actor, now }: { planId: PlanId; options: PlanOptions; actor: Actor; now: number },
): Promise<void> {
  await tx
    .insertInto("plan")
    .values({
      id: planId,
      tenant_id: options.tenantId,
      status: "draft",
      goal: options.goal,
      options_json: JSON.stringify(options),
      def_json: null,
      def_hash: null,
      revision: 0,
      planning_round: 1,
      approved_json: "{}",
      model: options.model,
      next_seq: firstSeq,
      cancel_at: null,
      priority: priorityNumber(options.priority),
      repository_path: options.repository.path,
      created_by: actor.id,
      created_at: now,
      updated_at: now,
      finished_at: null,
      deadline_at: null,
      spent_tokens: 0,
      spent_cost_usd: 0,
      unknown_cost_turns: 0,
      reserved_tokens: 0,
      reserved_cost_usd: 0,
      recorded_revision: 0,
      traceparent: currentTraceparent() ?? null,
    })
    .execute();
  const context = { planId, nextSeq: firstSeq, actor, now, traceId: activeTraceId() };
  await appendEvents(tx, context, [{ type: "plan.created", data: options }]);
}

export async function startPlanning(
  engine: Engine,
  tx: Tx,
  { planId, options, now }: { planId: PlanId; options: PlanOptions; now: number },
): Promise<void> {
  const step = await insertStep(tx, {
    planId,
    stepId: planningStepId(1),
    kind: "planning",
    status: "ready",
    effectClass: "pure",
  });
  await tx
    .updateTable("step")
    .set({ ready_at: now, announced_at: now, waiting_since: now })
    .where("plan_id", "=", planId)
    .where("step_id", "=", step.step_id)
    .execute();
  const traceparent = currentTraceparent() ?? null;
  const { tenantId } = options;
  const priority = priorityNumber(options.priority);
  await dispatchStep(tx, { tenantId, priority, step, now, messageId: engine.ids.uuid(), traceparent });
}

function repositoryOf(info: RepositoryInfo, baseRef: string | undefined): PlanOptions["repository"] {
  return {
    path: info.root,
    baseCommit: info.baseCommit,
    dirtyPaths: info.dirtyPaths,
    ...(info.branch === undefined ? {} : { branch: info.branch }),
    ...(baseRef === undefined ? {} : { baseRef }),
  };
}

type Prepared = Pick<PlanOptions, "repository" | "model" | "scripted" | "modelNotice">;

/** Looks at repository and model, which may take long and may fail. */
async function prepare({ models, workspaces }: PlanDeps, request: CreatePlanRequest): Promise<Prepared> {
  const { path, baseRef } = request.repository;
  if (!isAbsolute(path)) {
    throw new AgentError("invalid_input", `The repository's path must be absolute, not ${JSON.stringify(path)}.`);
  }
  const ref = request.model === "none" ? null : (request.model ?? models.defaultRef());
  const model = ref === null ? undefined : await models.resolve(ref);
  const info = await workspaces.inspect(baseRef === undefined ? { path } : { path, baseRef });
  return {
    repository: repositoryOf(info, baseRef),
    model: model?.ref ?? null,
    scripted: model?.scripted ?? false,
    ...(model?.notice === undefined ? {} : { modelNotice: model.notice }),
  };
}

/**
 * Creates a plan in `draft`; a command that was answered before is answered the same at once.
 * @throws AgentError invalid_input (goal, repository, ref, model), conflict (idempotency key),
 * rate_limited (unfinished work)
 */
export async function createPlan(deps: PlanDeps, input: CreatePlanInput): Promise<{ planId: PlanId }> {
  const { engine } = deps;
  const request = CreatePlanRequest.parse(input.request);
  const key = { tenantId: input.tenantId, key: input.idempotencyKey, request };
  const before = await recallAnswer<{ planId: PlanId }>(engine.store.read, key, engine.clock.now());
  if (before !== undefined) return before;
  await checkOpenSteps(engine, input.tenantId);
  const prepared = await prepare(deps, request);
  const planId = PlanId.parse(`plan-${engine.ids.uuid()}`);
  const answer = await engine.store.tx(async (tx) => {
    const now = await readStoreTime(engine, tx);
    // NOTE: asked again, because the same command may have arrived twice at once.
    const known = await rememberAnswer(tx, key, { now, answer: { planId } });
    if (known !== undefined) return known;
    const options: PlanOptions = {
      goal: request.goal,
      ...prepared,
      ...(request.model === undefined ? {} : { modelPinned: true }),
      sandbox: deps.sandbox,
      ...(deps.runMode === undefined ? {} : { runMode: deps.runMode }),
      budget: capBudget({ ...defaultBudget, ...request.budget }, engine.budgetCaps),
      tenantId: input.tenantId,
      ...(request.agents === undefined ? {} : { agents: request.agents }),
      ...(request.priority === undefined ? {} : { priority: request.priority }),
    };
    await insertPlan(engine, tx, { planId, options, actor: input.actor, now });
    await startPlanning(engine, tx, { planId, options, now });
    return { planId };
  });
  engine.bus.wake(answer.planId);
  engine.wakeQueue();
  return answer;
}
