// Routes of policy: what it says about a plan, and what it would have said about recorded runs.
import { AgentError, PolicyReplayRequest } from "@ossaat/contracts";
import type { EventData, Plan, PolicyCheckResponse, WorkspaceService } from "@ossaat/contracts";
import { Router } from "express";

import { identityOf, parse, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import type { Engine } from "../job/engine.ts";
import { requirePlan } from "../plan/read-plan.ts";
import type { AgentCatalog } from "../step/step-deps.ts";
import type { PlanRow } from "../store/tables.ts";
import { checkPlan } from "./check-plan.ts";
import { policyUnavailable } from "./policies.ts";
import type { Policies } from "./policies.ts";
import { replayDecisions } from "./replay-decisions.ts";

export type PolicyRouteDeps = {
  engine: Engine;
  agents: AgentCatalog;
  policies: Policies;
  workspaces: Pick<WorkspaceService, "inspect">;
};

/** @throws AgentError conflict (nothing proposed yet), policy_denied (broken policy file) */
async function check({ agents, policies }: PolicyRouteDeps, row: PlanRow): Promise<PolicyCheckResponse> {
  if (row.def_json === null) {
    throw new AgentError("conflict", "The plan has no steps yet: it is still being planned.", {
      details: { next: `ossaat watch ${row.id}` },
    });
  }
  const options = JSON.parse(row.options_json) as EventData<"plan.created">;
  const place = { path: row.repository_path, commit: options.repository.baseCommit };
  const policy = await policies.at(place);
  if (policy.problem !== undefined) throw policyUnavailable(policy.problem);
  const approved = new Map(Object.entries(JSON.parse(row.approved_json) as Record<string, string>));
  const isApproved = approved.size > 0;
  const { tools, rules } = checkPlan(policy, {
    plan: JSON.parse(row.def_json) as Plan,
    profiles: await agents.profiles(place),
    approved: isApproved ? approved : undefined,
    costUsd: row.unknown_cost_turns > 0 ? null : row.spent_cost_usd,
    runModes: { server: policy.runMode, plan: options.runMode ?? "consumer" },
  });
  const count = (outcome: string) => tools.filter((tool) => tool.outcome === outcome).length;
  const counts = { allow: count("allow"), ask: count("ask"), deny: count("deny") };
  return { schemaVersion: 1, planId: row.id, isApproved, tools, counts, rules };
}

export function policyRoutes(deps: PolicyRouteDeps): Router {
  const router = Router();
  const { store, artifacts } = deps.engine;
  const headOf = async (path: string) => (await deps.workspaces.inspect({ path })).headCommit;
  router.get("/plans/:planId/policy", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "policy.read");
    const row = await requirePlan(store.read, textParam(request, "planId"), identity.tenantId);
    response.json(await check(deps, row));
  });
  router.post("/policy/replay", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "policy.read");
    const body = parse(PolicyReplayRequest, request.body ?? {});
    if (body.planId !== undefined) await requirePlan(store.read, body.planId, identity.tenantId);
    const replay = { read: store.read, artifacts, policies: deps.policies, headOf };
    response.json(await replayDecisions(replay, { tenantId: identity.tenantId, request: body }));
  });
  return router;
}
