import type { ToolEvent, ToolService } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { sweepTimers } from "../job/sweep.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
});
afterAll(() => stack.remove());

/** The real tools behind a runner that cannot run the first call that writes. */
function shortOfDisk(tools: ToolService): ToolService {
  let isFull = true;
  async function* full(): AsyncGenerator<ToolEvent> {
    const base = { seq: 1, occurredAt: "2026-01-01T00:00:00.000Z", summary: "The disk is full." };
    const error = { code: "unavailable", message: "The disk is full.", details: { retryAfterMs: 15_000 } } as const;
    yield { ...base, state: "failed", error };
  }
  return {
    ...tools,
    execute(invocation, options) {
      if (!isFull || invocation.tool !== "write_file") return tools.execute(invocation, options);
      isFull = false;
      return full();
    },
  };
}

test("a call the runner cannot run now is no result for the model: the step waits and runs it again", async () => {
  const call = { name: "write_file", input: { path: "src/a.ts", content: "2\n", overwrite: true } };
  const finish = { name: "finish", input: { summary: "Done." } };
  const model = stack.script([{ match: { agent: "code-writer", turn: 1 }, reply: { toolCalls: [call, finish] } }]);
  const server = stack.process();
  server.deps.tools = shortOfDisk(server.deps.tools);
  const planId = await server.storePlan([testStep("a", { envelope: { tools: ["write_file"], paths: ["src/**"] } })], {
    model,
  });
  await server.run(planId);
  const [backedOff] = (await readEvents(stack.engine.store.read, planId)).filter(
    ({ type }) => type === "step.backed_off",
  );
  expect(backedOff?.data).toMatchObject({ error: { code: "unavailable", message: "The disk is full." } });
  stack.engine.clock.advance(14_999);
  expect(await sweepTimers(stack.engine)).toBe(0);
  stack.engine.clock.advance(1);
  expect(await sweepTimers(stack.engine)).toBe(1);
  await server.run(planId);
  const finished = (await readEvents(stack.engine.store.read, planId)).flatMap((event) =>
    event.type === "tool.finished" ? [`${event.data.tool} ${event.data.state}`] : [],
  );
  expect([(await server.state(planId)).status, finished, stack.requests(planId)]).toEqual([
    "succeeded",
    ["write_file completed"],
    ["a.1 started", "a.1 delivered"],
  ]);
  expect(await auditPlan(stack.engine, planId)).toEqual([]);
});
