// A worker that was frozen while another one took its step: what it still asks of the tool runner.
import type { ToolService, WorkspaceService } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { workspaceIdOf } from "./prepare-workspace.ts";

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
});
afterAll(() => stack.remove());

const writing = (content: string) => ({
  toolCalls: [{ name: "write_file", input: { path: "src/a.ts", content, overwrite: true } }],
});
const finishing = { toolCalls: [{ name: "finish", input: { summary: "Done." } }] };
const step = testStep("a", { envelope: { tools: ["write_file"], paths: ["src/**"] } });

/** Notes the fence that each call for a working tree brings. */
function noting(tools: ToolService, workspaces: WorkspaceService) {
  const fences: Record<string, Set<number | undefined>> = {};
  const note = (name: string, fence: number | undefined) => void (fences[name] ??= new Set()).add(fence);
  const notingTools: ToolService = {
    ...tools,
    execute(invocation, options) {
      note("execute", invocation.fence);
      return tools.execute(invocation, options);
    },
  };
  const notingWorkspaces: WorkspaceService = {
    ...workspaces,
    open(request, options) {
      note("open", request.fence);
      return workspaces.open(request, options);
    },
    restore(request, options) {
      note("restore", request.fence);
      return workspaces.restore(request, options);
    },
    diff(request, options) {
      note("diff", request.fence);
      return workspaces.diff(request, options);
    },
    commit(request, options) {
      note("commit", request.fence);
      return workspaces.commit(request, options);
    },
  };
  return { fences, tools: notingTools, workspaces: notingWorkspaces };
}

test("is refused, and the other one's calls bring the newest fence", async () => {
  const model = stack.script([
    { match: { agent: "code-writer", step: "a", turn: 1 }, reply: writing("export const a = 2;\n") },
    { match: { agent: "code-writer", step: "a", turn: 2 }, reply: finishing },
  ]);
  const [frozen, thawed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const late = Promise.withResolvers<unknown>();
  const first = stack.process();
  const { workspaces } = first.deps;
  first.deps.workspaces = {
    ...workspaces,
    async commit(request, options) {
      frozen.resolve();
      await thawed.promise;
      const asked = workspaces.commit(request, options);
      late.resolve(asked.catch((error: unknown) => error));
      return asked;
    },
  };
  const planId = await first.storePlan([step], { model });
  const running = first.run(planId, { once: true }).catch(() => undefined);
  await frozen.promise;

  const second = stack.process();
  const noted = noting(second.deps.tools, second.deps.workspaces);
  Object.assign(second.deps, { tools: noted.tools, workspaces: noted.workspaces });
  await second.start();
  await second.run(planId, { once: true });
  thawed.resolve();
  expect(await late.promise).toMatchObject({
    code: "conflict",
    details: { reason: "fenced", newest: expect.any(Number) as number },
  });
  await running;

  await second.run(planId);
  expect((await second.state(planId)).status).toBe("succeeded");
  expect(stack.git("show", `ossaat/${planId}:src/a.ts`)).toBe("export const a = 2;\n");
  expect(await auditPlan(stack.engine, planId)).toEqual([]);
  const started = (await readEvents(stack.engine.store.read, planId)).flatMap((event) =>
    event.type === "step.started" && event.stepId === "a" ? [event.data.fence] : [],
  );
  expect(started).toHaveLength(2);
  expect(Object.keys(noted.fences)).toEqual(expect.arrayContaining(["open", "diff", "commit"]));
  for (const brought of Object.values(noted.fences)) expect([...brought]).toEqual([started[1]]);
});

test("of a database that was restored goes on above what the tool runner has seen", async () => {
  const model = stack.script([
    { match: { agent: "code-writer", step: "a", turn: 1 }, reply: writing("export const a = 3;\n") },
    { match: { agent: "code-writer", step: "a", turn: 2 }, reply: finishing },
  ]);
  const server = stack.process();
  const planId = await server.storePlan([step], { model });
  const { path: repositoryPath, baseCommit: commit } = (await server.state(planId)).repository;
  const workspaceId = workspaceIdOf(planId, "a");
  await server.deps.workspaces.open({ workspaceId, fence: 7, planId, repositoryPath, commit });
  await server.run(planId, { once: true });
  const waiting = await stack.engine.store.read
    .selectFrom("step")
    .select(["status", "failures"])
    .where("plan_id", "=", planId)
    .executeTakeFirst();
  expect(waiting).toEqual({ status: "backoff", failures: 1 });
  await server.start(60_000);
  await server.run(planId);
  expect((await server.state(planId)).status).toBe("succeeded");
  expect(await auditPlan(stack.engine, planId)).toEqual([]);
  const started = (await readEvents(stack.engine.store.read, planId)).flatMap((event) =>
    event.type === "step.started" && event.stepId === "a" ? [event.data.fence] : [],
  );
  expect(started[0]).toBeLessThan(7);
  expect(started[1]).toBeGreaterThan(7);
});
