import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "shared.txt": "one\ntwo\nthree\n" } });
});
afterAll(() => stack.remove());

const envelope = { tools: ["write_file"], paths: ["**"] };
const writers = ["a", "b", "c"];
const steps = [
  ...writers.map((id) => testStep(id, { envelope })),
  testStep("join", { action: "merge", needs: writers, envelope, successCheck: { kind: "merged" } }),
];
const reply = (step: string, content: string): ScriptEntry => {
  const write = { name: "write_file", input: { path: "shared.txt", content, overwrite: true } };
  const toolCalls = [write, { name: "finish", input: { summary: "Done." } }];
  return { match: { agent: "code-writer", step }, reply: { toolCalls } };
};
const script = [...writers.map((id) => reply(id, `one\nTWO by ${id}\nthree\n`)), reply("join", "one\nTWO\nthree\n")];

test("a second conflict ends the merge, at whatever moment its worker was killed; nothing is published", async () => {
  const model = stack.script(script);
  for (let afterCommits = 3, isKilled = true; isKilled; afterCommits += 1) {
    const server = stack.process();
    const planId = await server.storePlan(steps, { model });
    for (const _ of writers) await server.run(planId, { once: true });
    const mortal = stack.process({ afterCommits, when: "at the next commit" });
    await mortal.run(planId).catch(() => undefined);
    isKilled = mortal.life.isDead;
    await server.start(600_000);
    await server.run(planId);
    const { status, reason, branch } = await server.state(planId);
    const end = { status: "failed", reason: "merge_conflict", branch: undefined, problems: [] };
    const problems = await auditPlan(stack.engine, planId);
    expect({ afterCommits, status, reason, branch, problems }).toEqual({ afterCommits, ...end });
  }
});
