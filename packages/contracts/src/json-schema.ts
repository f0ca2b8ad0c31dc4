// The shapes that other programs may rely on, as JSON Schema for their tools. Written to
// `schema/` and checked in; this module is no part of the running product.
import { z } from "zod";

import { AgentFrontMatter } from "./agent-profile.ts";
import { CreatePlanRequest, EditPlanRequest, PlanDecision, RetryPlanRequest } from "./api.ts";
import { ApprovalDecision, ApprovalRequest } from "./approval.ts";
import { eventSchema, eventTypes } from "./event.ts";
import { JobEnvelope } from "./job.ts";
import { Plan } from "./plan.ts";
import { PolicyFile } from "./policy-file.ts";
import { PolicyInput } from "./policy.ts";

const [firstType, ...otherTypes] = eventTypes;
const PlanEvent = z.discriminatedUnion("type", [eventSchema(firstType), ...otherTypes.map(eventSchema)]);

const published = {
  plan: Plan,
  "plan-event": PlanEvent,
  "agent-front-matter": AgentFrontMatter,
  "approval-request": ApprovalRequest,
  "approval-decision": ApprovalDecision,
  "job-envelope": JobEnvelope,
  "create-plan-request": CreatePlanRequest,
  "edit-plan-request": EditPlanRequest,
  "retry-plan-request": RetryPlanRequest,
  "plan-decision": PlanDecision,
  "policy-file": PolicyFile,
  "policy-input": PolicyInput,
} as const;

/** File name → JSON Schema (draft 2020-12) of what a writer may send; defaults may be left out. */
export function jsonSchemas(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(published).map(([name, schema]) => [`${name}.schema.json`, z.toJSONSchema(schema, { io: "input" })]),
  );
}
