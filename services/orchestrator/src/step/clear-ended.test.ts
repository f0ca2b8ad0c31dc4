import { existsSync } from "node:fs";
import path from "node:path";

import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { clearEnded } from "./clear-ended.ts";
import { workspaceIdOf } from "./prepare-workspace.ts";

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
});
afterAll(() => stack.remove());

test("of ended plans nothing stays that a killed last step left; of a running one everything does", async () => {
  const server = stack.process();
  const { deps } = server;
  const write = { name: "write_file", input: { path: "src/a.ts", content: "2\n", overwrite: true } };
  const good = stack.script([
    { match: { agent: "code-writer" }, reply: { toolCalls: [write, { name: "finish", input: { summary: "Done." } }] } },
  ]);
  const bad = stack.script([]);
  const step = testStep("a", { envelope: { tools: ["write_file"], paths: ["src/a.ts"] } });
  const succeeded = await server.storePlan([step], { model: good });
  const failed = await server.storePlan([step], { model: bad });
  const open = await server.storePlan([step], { model: good });
  await server.run(succeeded);
  await server.run(failed);
  const plans = [succeeded, failed, open];
  const treeOf = (planId: string) => path.join(stack.engine.folder, "runner", "workspaces", planId);
  const commit = stack.git("rev-parse", "main").trim();
  for (const planId of plans) {
    deps.journal.begin({ planId, stepId: "a", turn: 1 }).close();
    const workspaceId = workspaceIdOf(planId, "a");
    await deps.workspaces.open({ workspaceId, planId, repositoryPath: stack.repository, commit });
  }
  await clearEnded(deps);
  expect({
    statuses: await Promise.all(plans.map(async (planId) => (await server.state(planId)).status)),
    trees: plans.map((planId) => existsSync(treeOf(planId))),
    turns: deps.journal.plans(),
  }).toEqual({ statuses: ["succeeded", "failed", "pending"], trees: [false, true, true], turns: [open] });
  await clearEnded(deps);
  expect(deps.journal.plans()).toEqual([open]);
});
