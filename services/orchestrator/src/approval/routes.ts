// Routes of approvals.
import { ApprovalDecision } from "@ossaat/contracts";
import type { ApprovalListResponse, ApprovalRequest, ApprovalState } from "@ossaat/contracts";
import { Router } from "express";

import { toTimestamp } from "../clock.ts";
import { identityOf, parse, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import type { Engine } from "../job/engine.ts";
import type { ApprovalRow } from "../store/tables.ts";
import { decideApproval, noSuchApproval } from "./decide-approval.ts";

function toState(row: ApprovalRow): ApprovalState {
  const request = JSON.parse(row.request_json) as ApprovalRequest;
  return {
    ...request,
    status: row.status,
    ...(row.scope === null ? {} : { scope: row.scope }),
    ...(row.feedback === null ? {} : { feedback: row.feedback }),
    ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
    ...(row.decided_at === null ? {} : { decidedAt: toTimestamp(row.decided_at) }),
  };
}

/** Approvals listed at once. */
const pageSize = 200;

export function approvalRoutes(engine: Engine): Router {
  const router = Router();
  router.get("/approvals", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.read");
    const planId = textParam(request, "plan");
    let query = engine.store.read
      .selectFrom("approval")
      .selectAll()
      .where("tenant_id", "=", identity.tenantId)
      .orderBy("requested_at", "desc")
      .limit(pageSize);
    if (planId !== "") query = query.where("plan_id", "=", planId);
    if (textParam(request, "status") !== "all") query = query.where("status", "=", "pending");
    const rows = await query.execute();
    response.json({ schemaVersion: 1, approvals: rows.map(toState) } satisfies ApprovalListResponse);
  });
  router.get("/approvals/:approvalId", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.read");
    const row = await engine.store.read
      .selectFrom("approval")
      .selectAll()
      .where("id", "=", textParam(request, "approvalId"))
      .where("tenant_id", "=", identity.tenantId)
      .executeTakeFirst();
    if (row === undefined) throw noSuchApproval(textParam(request, "approvalId"));
    response.json({ schemaVersion: 1, approval: toState(row) });
  });
  router.post("/approvals/:approvalId/decisions", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.approve");
    const decision = parse(ApprovalDecision, request.body);
    const approvalId = textParam(request, "approvalId");
    const { tenantId, actor } = identity;
    response.json({ schemaVersion: 1, ...(await decideApproval(engine, { approvalId, tenantId, decision, actor })) });
  });
  return router;
}
