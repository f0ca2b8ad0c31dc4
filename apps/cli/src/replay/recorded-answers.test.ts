import type { ApprovalRequest, PlanEvent } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { createQuestionPlaces, subjectOf } from "./recorded-answers.ts";

const request = (changes: Partial<ApprovalRequest> = {}): ApprovalRequest =>
  ({
    approvalId: "approval-1",
    planId: "plan-1",
    stepId: "fix",
    kind: "call",
    requestHash: "a".repeat(64),
    title: "code-writer wants to run npm install left-pad",
    agent: "code-writer",
    tool: "run_command",
    argv: ["npm", "install", "left-pad"],
    cwd: ".",
    inputJson: '{"argv":["npm","install","left-pad"]}',
    risk: "high",
    reason: "outside the approved envelope",
    reaches: { paths: [], hosts: [], secrets: [], reversible: true },
    ...changes,
  }) as ApprovalRequest;

const differs = (changes: Partial<ApprovalRequest>) => subjectOf(request(changes)) !== subjectOf(request());

test("a question is the same in another run, and another one when anything a person was shown differs", () => {
  expect({
    run: differs({
      planId: "plan-2" as never,
      approvalId: "approval-2" as never,
      requestHash: "b".repeat(64),
    }),
    reason: differs({ reason: "a rule lets a person decide" }),
    title: differs({ title: "code-writer wants to run npm install right-pad" }),
    argv: differs({ argv: ["npm", "install", "right-pad"] }),
    input: differs({ inputJson: "{}" }),
    hosts: differs({ reaches: { paths: [], hosts: ["example.com"], secrets: [], reversible: true } }),
    step: subjectOf(request({ kind: "step" })) !== subjectOf(request({ kind: "step", requestHash: "b".repeat(64) })),
  }).toEqual({ run: false, reason: false, title: true, argv: true, input: true, hosts: true, step: true });
});

test("the place of a question is its step, the call before it, and what it is about", () => {
  const places = createQuestionPlaces();
  const see = (type: string, data: unknown) => places.see({ type, stepId: "fix", data } as PlanEvent);
  see("policy.decided", { callId: "1.0" });
  see("approval.requested", { request: request() });
  see("policy.decided", { callId: "2.0" });
  see("approval.requested", { request: request({ approvalId: "approval-2" as never }) });
  see("approval.requested", { request: request({ approvalId: "approval-3" as never, kind: "step" }) });
  expect(["approval-1", "approval-2", "approval-3", "approval-4"].map((id) => places.keyOf(id))).toEqual([
    `fix 1.0 ${subjectOf(request())}`,
    `fix 2.0 ${subjectOf(request())}`,
    `fix  ${subjectOf(request({ kind: "step" }))}`,
    undefined,
  ]);
});
