// A plan that ended well, as facts that the oracle finds nothing wrong with: tests break one thing of it at a time.
import { hashJson, parseEvent } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { createdEvent, eventLog, testPlan, testPlanId, testStep } from "@ossaat/contracts/testing";
import type { EventInput } from "@ossaat/contracts/testing";

import type { PlanFacts, StepFact } from "../oracle/facts.ts";

/** Step a, whose call 1.0 takes effect once and was approved outside, and step b, which needs a. */
export const soundPlan = testPlan([
  testStep("a", { approvalRequired: true, envelope: { effect: "once" } }),
  testStep("b", { needs: ["a"] }),
]);

const workerId = "worker-1";
const outsideCall = { tool: "run_command", inputJson: '{"argv":["true"]}' };
const hashOf = (id: string) => soundPlan.steps.find((step) => step.id === id)?.stepHash ?? "";
const stamp = "2026-01-01T00:00:00.000Z";

function request(kind: "step" | "call", stepId: string, requestHash: string) {
  const request = {
    approvalId: `approval-${kind}-${stepId}`,
    planId: testPlanId,
    stepId,
    kind,
    requestHash,
    title: "May it?",
    agent: "code-writer",
    ...(kind === "call" ? outsideCall : {}),
    risk: "low",
    reason: "asked",
    reaches: { paths: [], hosts: [], secrets: [], reversible: true },
    requestedAt: stamp,
    expiresAt: stamp,
  };
  return { type: "approval.requested", stepId, data: { request } };
}

const granted = (kind: "step" | "call", stepId: string, callId?: string) => ({
  type: "approval.decided",
  stepId,
  data: { approvalId: `approval-${kind}-${stepId}`, status: "granted", scope: "once", ...(callId ? { callId } : {}) },
});

const started = (stepId: string, attempt: number, fence: number) => ({
  type: "step.started",
  stepId,
  attempt,
  data: { worker: workerId, fence, agent: "agent" },
});

const turn = (stepId: string, attempt: number) => ({
  type: "model.finished",
  stepId,
  attempt,
  data: {
    turn: 1,
    provider: "scripted",
    model: "file",
    message: { value: {} },
    finishReason: "toolCalls",
    usage: { inputTokens: 10, outputTokens: 5 },
    costUsd: 0.25,
    seconds: 1,
    toolCalls: 1,
  },
});

const toolStarted = (stepId: string, attempt: number, approvedOutside: boolean) => ({
  type: "tool.started",
  stepId,
  attempt,
  data: {
    callId: "1.0",
    invocationId: `${stepId}-1`,
    tool: "run_command",
    title: "Run it",
    argsHash: hashJson(outsideCall),
    approvedOutside,
  },
});

const toolFinished = (stepId: string, attempt: number) => ({
  type: "tool.finished",
  stepId,
  attempt,
  data: { callId: "1.0", tool: "run_command", state: "completed", summary: "", output: { value: {} }, seconds: 1 },
});

const succeeded = (stepId: string, attempt: number) => ({
  type: "step.finished",
  stepId,
  attempt,
  data: { status: "succeeded" },
});

const inputs: { type: string; data: unknown; stepId?: string | undefined; attempt?: number | undefined }[] = [
  createdEvent(),
  { type: "step.readied", stepId: "plan.1", data: {} },
  started("plan.1", 1, 1),
  succeeded("plan.1", 1),
  {
    type: "plan.proposed",
    data: {
      plan: soundPlan,
      planHash: soundPlan.planHash,
      origin: "planner",
      planner: "model",
      changedSteps: ["a", "b"],
    },
  },
  {
    type: "plan.approved",
    data: { revision: 1, planHash: soundPlan.planHash, stepHashes: { a: hashOf("a"), b: hashOf("b") } },
  },
  request("step", "a", hashOf("a")),
  granted("step", "a"),
  { type: "step.readied", stepId: "a", data: {} },
  { type: "plan.started", data: {} },
  started("a", 1, 1),
  turn("a", 1),
  request("call", "a", "d".repeat(64)),
  granted("call", "a", "1.0"),
  { type: "step.readied", stepId: "a", data: {} },
  started("a", 2, 3),
  toolStarted("a", 2, true),
  toolFinished("a", 2),
  succeeded("a", 2),
  { type: "step.readied", stepId: "b", data: {} },
  started("b", 1, 1),
  { type: "step.lost", stepId: "b", attempt: 1, data: { worker: workerId, lostCount: 1 } },
  { type: "step.readied", stepId: "b", data: {} },
  started("b", 2, 3),
  turn("b", 2),
  succeeded("b", 2),
  { type: "step.readied", stepId: "plan.finish", data: {} },
  started("plan.finish", 1, 1),
  succeeded("plan.finish", 1),
  { type: "plan.finished", data: { status: "succeeded", branch: "ossaat/x", commit: "f".repeat(40) } },
];

const bySystem = new Set(["step.lost", "step.readied"]);

function events(): PlanEvent[] {
  return eventLog(inputs as EventInput[]).map((event) =>
    event.attempt === undefined || bySystem.has(event.type)
      ? event
      : parseEvent({ ...event, actor: { kind: "worker", id: workerId } }),
  );
}

const step = (step_id: string, fence: number): StepFact => ({
  step_id,
  status: "succeeded",
  reason: null,
  fence,
  lease_owner: null,
  lease_until: null,
  effect_class: "idempotent",
  reserved_tokens: 0,
  reserved_cost_usd: 0,
});

const attempt = (step_id: string, attempt: number, outcome: string) => ({
  step_id,
  attempt,
  fence: 1,
  worker: workerId,
  ended_at: 1,
  outcome,
});

/** A fresh copy each time. */
export function soundFacts(): PlanFacts {
  const log = events();
  return {
    plan: {
      id: testPlanId,
      status: "succeeded",
      def_hash: soundPlan.planHash,
      next_seq: log.length + 1,
      spent_tokens: 30,
      spent_cost_usd: 0.5,
      reserved_tokens: 0,
      reserved_cost_usd: 0,
    },
    steps: [step("a", 4), step("b", 4), step("plan.1", 2), step("plan.finish", 2)],
    attempts: [
      attempt("a", 1, "parked"),
      attempt("a", 2, "succeeded"),
      attempt("b", 1, "lost"),
      attempt("b", 2, "succeeded"),
      attempt("plan.1", 1, "succeeded"),
      attempt("plan.finish", 1, "succeeded"),
    ],
    approvals: [],
    outbox: [],
    timers: [],
    events: log,
  };
}
