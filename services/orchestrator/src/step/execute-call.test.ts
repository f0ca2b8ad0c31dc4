import { readEgressUse } from "@ossaat/contracts";
import type { EgressUse, ToolEvent, ToolService } from "@ossaat/contracts";
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

async function* full(): AsyncGenerator<ToolEvent> {
  const base = { seq: 1, occurredAt: "2026-01-01T00:00:00.000Z", summary: "The disk is full." };
  const error = { code: "unavailable", message: "The disk is full.", details: { retryAfterMs: 15_000 } } as const;
  yield { ...base, state: "failed", error };
}

/** The real tools behind a runner that cannot run the first call that writes. */
function shortOfDisk(tools: ToolService): ToolService {
  let isFull = true;
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

test("where the sandbox is required no call runs on a tool runner that was started again without one", async () => {
  const call = { name: "write_file", input: { path: "src/a.ts", content: "3\n", overwrite: true } };
  const finish = { name: "finish", input: { summary: "Done." } };
  const model = stack.script([{ match: { agent: "code-writer", turn: 1 }, reply: { toolCalls: [call, finish] } }]);
  const server = stack.process();
  server.deps.isSandboxRequired = true;
  const planId = await server.storePlan([testStep("a", { envelope: { tools: ["write_file"], paths: ["src/**"] } })], {
    model,
  });
  await server.run(planId);
  const calls = (await readEvents(stack.engine.store.read, planId)).flatMap((event) =>
    event.type === "tool.finished" ? [[event.data.tool, event.data.state, event.data.summary]] : [],
  );
  expect(calls[0]).toEqual(["write_file", "failed", "The sandbox is required, and this tool runner has none."]);
  expect(calls.every(([, state]) => state === "failed")).toBe(true);
});

/** A runner that runs `count` commands, which move 300 bytes up and 40 down, each; notes what it was told of before. */
function movingBytes(tools: ToolService, told: EgressUse[], count: number): ToolService {
  let left = count;
  async function* moved(): AsyncGenerator<ToolEvent> {
    const request = { host: "example.org", port: 443, method: "CONNECT", decision: "allowed" as const, count: 1 };
    const egress_requests = [
      { ...request, bytesUp: 100, bytesDown: 40 },
      { ...request, method: "GET", bytesUp: 200, bytesDown: 0 },
    ];
    const output = { text: "done", egress_requests };
    yield { seq: 1, occurredAt: "2026-01-01T00:00:00.000Z", summary: "Ran it.", state: "completed", output };
  }
  return {
    ...tools,
    execute(invocation, options) {
      if (invocation.tool !== "run_command") return tools.execute(invocation, options);
      told.push(readEgressUse(invocation.metadata));
      left -= 1;
      return left < 0 ? full() : moved();
    },
  };
}

test("a runner is told what the step moved before, by the log alone: also after a restart of everything", async () => {
  const turn = (number: number, ...toolCalls: { name: string; input: unknown }[]) => ({
    match: { agent: "code-writer", turn: number },
    reply: { toolCalls },
  });
  const command = { name: "run_command", input: { argv: ["true"], cwd: "." } };
  const write = { name: "write_file", input: { path: "src/a.ts", content: "3\n", overwrite: true } };
  const model = stack.script([
    turn(1, command),
    turn(2, command),
    turn(3, write, command),
    turn(4, { name: "finish", input: { summary: "Done." } }),
  ]);
  const told: EgressUse[] = [];
  const envelope = {
    tools: ["write_file", "run_command"],
    paths: ["src/**"],
    commands: ["true"],
    egressHosts: ["example.org"],
  };
  const first = stack.process();
  first.deps.tools = movingBytes(first.deps.tools, told, 1);
  const planId = await first.storePlan([testStep("a", { envelope })], { model });
  await first.run(planId);
  stack.engine.clock.advance(15_000);
  await sweepTimers(stack.engine);
  const second = stack.process();
  second.deps.tools = movingBytes(second.deps.tools, told, 2);
  await second.run(planId);
  expect([(await second.state(planId)).status, told]).toEqual([
    "succeeded",
    [0, 1, 1, 2].map((calls) => ({ up: calls * 300, down: calls * 40 })),
  ]);
});
