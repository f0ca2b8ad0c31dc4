import { ApprovalDecision, hashStep } from "@ossaat/contracts";
import type { Plan } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { editPlan } from "../plan/edit-plan.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf } from "../testing/look.ts";
import { user } from "../testing/test-engine.ts";
import { decideApproval } from "./decide-approval.ts";

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "1\n", "src/b.ts": "1\n" } });
});
afterAll(() => stack.remove());

test("a step that was edited after the approval is asked about once, and then writes without a question", async () => {
  const reply = (step: string) => ({
    match: { agent: "code-writer", step },
    reply: {
      toolCalls: [
        { name: "write_file", input: { path: `src/${step}.ts`, content: "2\n", overwrite: true } },
        { name: "write_file", input: { path: `src/${step}.ts`, content: "3\n", overwrite: true } },
        { name: "finish", input: { summary: "Done." } },
      ],
    },
  });
  const server = stack.process();
  const planId = await server.storePlan([testStep("a"), testStep("b", { needs: ["a"] })], {
    model: stack.script([reply("a"), reply("b")]),
  });
  await server.run(planId, { once: true });
  const row = await planRowOf(stack.engine, planId);
  const plan = JSON.parse(row.def_json!) as Plan;
  const edited = plan.steps.map((step) =>
    step.id === "b" ? { ...step, summary: "Otherwise.", envelope: { ...step.envelope, commands: ["npm test"] } } : step,
  );
  const agents = new Map([["code-writer", { capabilities: ["repo.write" as const], approval_policy: {} }]]);
  const basePlanHash = row.def_hash!;
  await editPlan(stack.engine, { planId, basePlanHash, plan: { ...plan, steps: edited }, actor: user, agents });
  await server.run(planId);
  const [question] = (await server.state(planId)).approvals.filter(({ status }) => status === "pending");
  expect([question?.diff?.split("\n"), question?.step?.commands]).toEqual([
    ["-envelope.commands: []", '+envelope.commands: ["npm test"]', '+summary: "Otherwise."'],
    ["npm test"],
  ]);
  const decision = ApprovalDecision.parse({ decision: "approve", requestHash: question!.requestHash });
  const { approvalId } = question!;
  await decideApproval(stack.engine, { approvalId, tenantId: "local", decision, actor: user });
  await server.run(planId);
  const state = await server.state(planId);
  expect([state.status, state.approvals.map(({ kind, stepId }) => `${kind} ${stepId}`)]).toEqual([
    "succeeded",
    ["step b"],
  ]);
  const approved = Object.fromEntries(edited.map((step): [string, string] => [step.id, hashStep(step)]));
  expect(state.approvedSteps).toEqual(approved);
  expect(JSON.parse((await planRowOf(stack.engine, planId)).approved_json)).toEqual(approved);
  expect(await auditPlan(stack.engine, planId)).toEqual([]);
});
