import { existsSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { WorkspaceService } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { clearEnded, createRetentionSweep } from "./clear-ended.ts";
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
    await (await deps.journal.begin({ planId, stepId: "a", turn: 1 })).close();
    const workspaceId = workspaceIdOf(planId, "a");
    await deps.workspaces.open({ workspaceId, planId, repositoryPath: stack.repository, commit });
  }
  await clearEnded(deps);
  expect({
    statuses: await Promise.all(plans.map(async (planId) => (await server.state(planId)).status)),
    trees: plans.map((planId) => existsSync(treeOf(planId))),
    turns: await deps.journal.plans(),
  }).toEqual({ statuses: ["succeeded", "failed", "pending"], trees: [false, true, true], turns: [open] });
  await clearEnded(deps);
  expect(await deps.journal.plans()).toEqual([open]);
});

const outages: [string, AgentError, boolean][] = [
  ["cannot be reached, which passes", new AgentError("unavailable", "The service could not be reached."), false],
  ["will never do it", new AgentError("internal", "An unexpected error occurred."), true],
];
test.each(outages)("trees that stay because the tool runner %s", async (_name, error, isGivenUp) => {
  const server = stack.process();
  const { deps } = server;
  const write = { name: "write_file", input: { path: "src/a.ts", content: "3\n", overwrite: true } };
  const model = stack.script([
    { match: { agent: "code-writer" }, reply: { toolCalls: [write, { name: "finish", input: { summary: "Done." } }] } },
  ]);
  const step = testStep("a", { envelope: { tools: ["write_file"], paths: ["src/a.ts"] } });
  const planId = await server.storePlan([step], { model });
  await server.run(planId);
  const commit = stack.git("rev-parse", "main").trim();
  await (await deps.journal.begin({ planId, stepId: "a", turn: 1 })).close();
  const workspaceId = workspaceIdOf(planId, "a");
  await deps.workspaces.open({ workspaceId, planId, repositoryPath: stack.repository, commit });
  const outOfReach = { ...deps.workspaces, remove: () => Promise.reject(error) };
  const look = async () => ({
    tree: existsSync(path.join(stack.engine.folder, "runner", "workspaces", planId)),
    isForgotten: !(await deps.journal.plans()).includes(planId),
  });
  await clearEnded({ ...deps, workspaces: outOfReach });
  const during = await look();
  await clearEnded(deps);
  expect([during, await look()]).toEqual([
    { tree: true, isForgotten: isGivenUp },
    { tree: isGivenUp, isForgotten: true },
  ]);
});

test("of a plan that failed nothing stays after its time; an open one and an unknown one are left alone", async () => {
  const server = stack.process();
  const { deps } = server;
  const step = testStep("a", { envelope: { tools: ["write_file"], paths: ["src/a.ts"] } });
  const failed = await server.storePlan([step], { model: stack.script([]) });
  const open = await server.storePlan([step], { model: stack.script([]) });
  await server.run(failed);
  const commit = stack.git("rev-parse", "main").trim();
  const plans = [failed, open, "plan-of-somebody-else"];
  for (const planId of plans) {
    await deps.workspaces.open({
      workspaceId: workspaceIdOf(planId, "a"),
      planId,
      repositoryPath: stack.repository,
      commit,
    });
  }
  const day = 24 * 60 * 60 * 1_000;
  const looks: number[] = [];
  const { signal } = new AbortController();
  const workspaces: WorkspaceService = {
    ...deps.workspaces,
    listKept(request, options) {
      if (request.after === undefined) looks.push(stack.engine.clock.now());
      return stack.parts.workspaces.listKept(request, options);
    },
  };
  const clearOld = createRetentionSweep({ ...deps, workspaces }, 14 * day);
  const treeOf = (planId: string) => path.join(stack.engine.folder, "runner", "workspaces", planId);
  const kept = () => plans.map((planId) => existsSync(treeOf(planId)));
  await clearOld(signal);
  await clearOld(signal);
  expect([kept(), looks.length]).toEqual([[true, true, true], 1]);
  stack.engine.clock.advance(13 * day);
  await clearOld(signal);
  expect(kept()).toEqual([true, true, true]);
  stack.engine.clock.advance(day);
  await clearOld(signal);
  expect([kept(), looks.length]).toEqual([[false, true, true], 3]);
});
