// The one table of HTTP routes: what the gateway serves, what clients may call, and what the
// OpenAPI document says.
import type { z } from "zod";

import {
  CreatePlanRequest,
  DeadLetterDecision,
  DeadLettersDecision,
  EditPlanRequest,
  PlanDecision,
  PolicyReplayRequest,
  RetryPlanRequest,
} from "./api.ts";
import { ApprovalDecision } from "./approval.ts";
import type { PersonCapability } from "./capability.ts";

export type HttpRoute = {
  method: "get" | "post" | "put";
  /** With `{name}` parameters, as in OpenAPI. */
  path: string;
  summary: string;
  /** What the caller must hold; absent = open to anyone who can reach the port. */
  capability?: PersonCapability;
  request?: z.ZodType;
  query?: Readonly<Record<string, string>>;
  response: string;
  status: number;
  /** Type of the request's body when it is not JSON. */
  takes?: string;
  /** Type of the answer when it is not JSON. */
  gives?: string;
};

const planId = "Plan id";

export const httpRoutes: readonly HttpRoute[] = [
  { method: "get", path: "/healthz", summary: "The process is alive", response: "Health", status: 200 },
  { method: "get", path: "/readyz", summary: "The server can take work", response: "Health", status: 200 },
  { method: "get", path: "/openapi.json", summary: "This document", response: "OpenApi", status: 200 },
  {
    method: "get",
    path: "/metrics",
    summary: "What the server measured, in the text format of Prometheus",
    capability: "plan.read",
    response: "Metrics",
    status: 200,
    gives: "text/plain",
  },
  {
    method: "get",
    path: "/status",
    summary: "Version, model, sandbox and counts",
    capability: "plan.read",
    response: "StatusResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/plans",
    summary: "Propose a plan for a goal",
    capability: "plan.create",
    request: CreatePlanRequest,
    response: "PlanResponse",
    status: 202,
  },
  {
    method: "post",
    path: "/plan",
    summary: "Alias of POST /plans",
    capability: "plan.create",
    request: CreatePlanRequest,
    response: "PlanResponse",
    status: 202,
  },
  {
    method: "get",
    path: "/plans",
    summary: "List plans, newest first",
    capability: "plan.read",
    query: { cursor: "Cursor of the next page", repository: "Only plans of this repository" },
    response: "PlanListResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}",
    summary: "State of a plan",
    capability: "plan.read",
    response: "PlanResponse",
    status: 200,
  },
  {
    method: "put",
    path: "/plans/{planId}/plan",
    summary: "Store an edited plan as a new revision",
    capability: "plan.create",
    request: EditPlanRequest,
    response: "PlanResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/plans/{planId}/decisions",
    summary: "Approve, reject, revise, cancel, pause or resume",
    capability: "plan.approve",
    request: PlanDecision,
    response: "PlanResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/plans/{planId}/retry",
    summary: "Run the steps that did not succeed again, as a new plan",
    capability: "plan.approve",
    request: RetryPlanRequest,
    response: "PlanResponse",
    status: 202,
  },
  {
    method: "get",
    path: "/plans/{planId}/events",
    summary: "Event stream (SSE, Last-Event-ID) or {events} for JSON",
    capability: "plan.read",
    query: { lastEventId: "Resume after this sequence number" },
    response: "EventStream",
    status: 200,
  },
  {
    method: "get",
    path: "/plan/{planId}/events",
    summary: "Alias of GET /plans/{planId}/events",
    capability: "plan.read",
    query: { lastEventId: "Resume after this sequence number" },
    response: "EventStream",
    status: 200,
  },
  {
    method: "get",
    path: "/events",
    summary: "Event stream of the plan named by plan_id",
    capability: "plan.read",
    query: { plan_id: planId, lastEventId: "Resume after this sequence number" },
    response: "EventStream",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}/diff",
    summary: "Diff of the plan, or of one step",
    capability: "plan.read",
    query: { step: "Step id" },
    response: "DiffResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}/evidence",
    summary: "Evidence of an ended plan",
    capability: "plan.read",
    response: "Evidence",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}/archive",
    summary: "The plan as an archive that another server can import",
    capability: "plan.read",
    response: "PlanArchive",
    gives: "application/x-tar",
    status: 200,
  },
  {
    method: "post",
    path: "/plans/import",
    summary: "Take a plan over from an archive; needs plan.approve too, because its approvals go on to hold",
    capability: "plan.create",
    query: { repository: "Path of the repository the plan goes on in" },
    takes: "application/x-tar",
    response: "ImportPlanResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}/artifacts/{ref}",
    summary: "A value that an event of the plan keeps by reference, by its SHA-256",
    capability: "plan.read",
    response: "Artifact",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}/logs/{logRef}",
    summary: "Full output of a command of the plan, by its SHA-256",
    capability: "plan.read",
    query: { fromByte: "First byte" },
    response: "Log",
    status: 200,
  },
  {
    method: "get",
    path: "/approvals",
    summary: "Pending approval requests",
    capability: "plan.read",
    query: { plan: planId, status: "`all` for decided ones too" },
    response: "ApprovalListResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/approvals/{approvalId}",
    summary: "One approval request",
    capability: "plan.read",
    response: "ApprovalResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/approvals/{approvalId}/decisions",
    summary: "Approve, deny or ask for another plan",
    capability: "plan.approve",
    request: ApprovalDecision,
    response: "ApprovalDecisionResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/plans/{planId}/policy",
    summary: "What policy says about every step and tool of a plan",
    capability: "policy.read",
    response: "PolicyCheckResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/policy/replay",
    summary: "Recorded decisions that would be others now, or under a candidate",
    capability: "policy.read",
    request: PolicyReplayRequest,
    response: "PolicyReplayResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/agents",
    summary: "Agent profiles of a repository",
    capability: "plan.read",
    query: { repository: "Path of the repository" },
    response: "AgentListResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/queue",
    summary: "Health of the queue, and what waits in it",
    capability: "queue.read",
    response: "QueueStatusResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/queue/dead-letters",
    summary: "Messages that nobody handled, oldest first",
    capability: "queue.read",
    query: {
      plan: "Only those about this plan",
      reason: "Only those whose reason has these words",
      limit: "At most so many: 1 to 10000, or 1000",
    },
    response: "DeadLetterListResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/queue/dead-letters/{letterId}",
    summary: "One of them, by its id or the beginning of it, with its text",
    capability: "queue.read",
    response: "DeadLetterResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/queue/dead-letters/decisions",
    summary: "Give messages back to their queue, or forget them: some by their ids, or all that fit",
    capability: "queue.manage",
    request: DeadLettersDecision,
    response: "DeadLettersDecisionResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/queue/dead-letters/{letterId}/decisions",
    summary: "Give the message back to its queue, or forget it",
    capability: "queue.manage",
    request: DeadLetterDecision,
    response: "DeadLetterDecisionResponse",
    status: 200,
  },
  {
    method: "get",
    path: "/reconciliation",
    summary: "Differences between what is recorded of plans and what is there",
    capability: "queue.read",
    response: "ReconcileResponse",
    status: 200,
  },
  {
    method: "post",
    path: "/reconciliation",
    summary: "Mend them",
    capability: "queue.manage",
    response: "ReconcileResponse",
    status: 200,
  },
];
