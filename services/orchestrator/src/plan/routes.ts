// Routes of plans: parse, call the use case, reply.
import { AgentError, CreatePlanRequest, EditPlanRequest, PlanDecision, RetryPlanRequest } from "@ossaat/contracts";
import type { PlanId, PlanResponse, PlanState, ToolService, WorkspaceService } from "@ossaat/contracts";
import { checkVendor } from "@ossaat/providers";
import { createPlanEnd, createPlanSpan, withSpan } from "@ossaat/telemetry";
import { Router } from "express";
import type { Response } from "express";

import { identityOf, parse, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import type { Identity } from "../identity/identity.ts";
import { policyUnavailable } from "../policy/policies.ts";
import type { Policies } from "../policy/policies.ts";
import type { AgentCatalog } from "../step/step-deps.ts";
import { checkAgents } from "./check-agents.ts";
import { createPlan } from "./create-plan.ts";
import type { PlanDeps } from "./create-plan.ts";
import { decidePlan } from "./decide-plan.ts";
import { editPlan } from "./edit-plan.ts";
import { readPlanDiff } from "./read-diff.ts";
import { recordPlan } from "./record-plan.ts";
import { getPlanState, listPlans, requirePlan } from "./read-plan.ts";
import { retryPlan } from "./retry-plan.ts";

export type PlanRouteDeps = PlanDeps & {
  agents: AgentCatalog;
  policies: Policies;
  tools: Pick<ToolService, "health">;
  workspaces: WorkspaceService;
};

/** Nothing is approved that could not run here. @throws AgentError unavailable with what to install */
async function requireSandbox({ tools }: PlanRouteDeps): Promise<void> {
  const { sandbox } = await tools.health();
  if (sandbox.driver !== "unavailable") return;
  const next = sandbox.fix ?? "apt-get install -y bubblewrap";
  throw new AgentError("unavailable", `Nothing can run here: there is no sandbox. ${sandbox.detail}`, {
    details: { next: `${next}, then \`ossaat down\` and try again; --dangerously-no-sandbox runs without one` },
  });
}

async function respond(
  deps: PlanRouteDeps,
  response: Response,
  { planId, identity, status = 200 }: { planId: string; identity: Identity; status?: number },
): Promise<void> {
  const plan = await getPlanState(deps.engine.store.read, planId, identity.tenantId);
  const body: PlanResponse = { schemaVersion: 1, plan };
  response.status(status).json(body);
}

async function storeEdit(
  deps: PlanRouteDeps,
  { planId, body, identity }: { planId: string; body: unknown; identity: Identity },
): Promise<void> {
  const row = await requirePlan(deps.engine.store.read, planId, identity.tenantId);
  const { basePlanHash, plan } = parse(EditPlanRequest, body);
  const options = JSON.parse(row.options_json) as { repository: { baseCommit: string } };
  const profiles = await deps.agents.profiles({ path: row.repository_path, commit: options.repository.baseCommit });
  await editPlan(deps.engine, { planId, basePlanHash, plan, actor: identity.actor, agents: profiles });
  await recordPlan(deps, planId);
}

type Created = { planId: PlanId };

/** Everything the plan does later belongs to the trace this begins or continues. */
function traceCreation({ tenantId }: Identity, create: () => Promise<Created>): Promise<Created> {
  return withSpan(createPlanSpan({ tenantId }), async (span) => {
    const created = await create();
    span.set(createPlanEnd(created));
    return created;
  });
}

/** A broken profile or policy file is refused before anything is stored. @throws AgentError invalid_input, policy_denied */
async function requireRules(deps: PlanRouteDeps, request: CreatePlanRequest): Promise<void> {
  const { path, baseRef } = request.repository;
  const { root, baseCommit } = await deps.workspaces.inspect(baseRef === undefined ? { path } : { path, baseRef });
  const profiles = await deps.agents.profiles({ path: root, commit: baseCommit });
  for (const profile of profiles.values()) checkVendor(profile);
  if (request.agents !== undefined) checkAgents(request.agents, profiles);
  const { problem } = await deps.policies.at({ path: root, commit: baseCommit });
  if (problem !== undefined) throw policyUnavailable(problem);
}

function writeRoutes(router: Router, deps: PlanRouteDeps): void {
  router.post(["/plans", "/plan"], async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.create");
    const { tenantId, actor } = identity;
    const idempotencyKey = request.get("idempotency-key");
    const body = parse(CreatePlanRequest, request.body);
    await requireRules(deps, body);
    const { planId } = await traceCreation(identity, () =>
      createPlan(deps, { request: body, tenantId, actor, idempotencyKey }),
    );
    await respond(deps, response, { planId, identity, status: 202 });
  });
  router.post("/plans/:planId/decisions", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.approve");
    const planId = textParam(request, "planId");
    await requirePlan(deps.engine.store.read, planId, identity.tenantId);
    const decision = parse(PlanDecision, request.body);
    if (decision.decision === "approve") await requireSandbox(deps);
    await decidePlan(deps, { planId, decision, actor: identity.actor });
    await respond(deps, response, { planId, identity });
  });
  router.put("/plans/:planId/plan", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.create");
    const planId = textParam(request, "planId");
    await storeEdit(deps, { planId, body: request.body, identity });
    await respond(deps, response, { planId, identity });
  });
  router.post("/plans/:planId/retry", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.approve");
    await requireSandbox(deps);
    const old = await requirePlan(deps.engine.store.read, textParam(request, "planId"), identity.tenantId);
    const body = parse(RetryPlanRequest, request.body ?? {});
    const { planId } = await traceCreation(identity, () =>
      retryPlan(deps.engine, { old, request: body, actor: identity.actor, runMode: deps.runMode }),
    );
    await respond(deps, response, { planId, identity, status: 202 });
  });
}

async function stateOf(deps: PlanRouteDeps, planId: string, response: Response): Promise<PlanState> {
  const identity = identityOf(response);
  requireCapability(identity, "plan.read");
  return getPlanState(deps.engine.store.read, planId, identity.tenantId);
}

function readRoutes(router: Router, deps: PlanRouteDeps): void {
  router.get("/plans", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.read");
    const cursor = textParam(request, "cursor");
    const repositoryPath = textParam(request, "repository");
    response.json(
      await listPlans(deps.engine.store.read, {
        tenantId: identity.tenantId,
        ...(cursor === "" ? {} : { cursor }),
        ...(repositoryPath === "" ? {} : { repositoryPath }),
      }),
    );
  });
  router.get("/plans/:planId", async (request, response) => {
    const plan = await stateOf(deps, textParam(request, "planId"), response);
    response.json({ schemaVersion: 1, plan } satisfies PlanResponse);
  });
  router.get("/plans/:planId/diff", async (request, response) => {
    const state = await stateOf(deps, textParam(request, "planId"), response);
    const step = textParam(request, "step");
    response.json(await readPlanDiff(deps, state, step === "" ? undefined : step));
  });
  router.get("/plans/:planId/evidence", async (request, response) => {
    const { evidenceRef } = await stateOf(deps, textParam(request, "planId"), response);
    if (evidenceRef === undefined) {
      throw new AgentError("not_found", "The plan has no evidence yet: it has not ended.", {
        details: { next: `ossaat watch ${textParam(request, "planId")}` },
      });
    }
    response.type("application/json").send(await deps.engine.artifacts.get(evidenceRef));
  });
}

export function planRoutes(deps: PlanRouteDeps): Router {
  const router = Router();
  writeRoutes(router, deps);
  readRoutes(router, deps);
  return router;
}
