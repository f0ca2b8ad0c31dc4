// A tool runner that is told to stop in the middle of a call: how the call ended is unknown, and never a result.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import type { Step, ToolEvent, ToolService } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { createToolRunner } from "@ossaat/tool-runner";
import { afterAll, beforeAll, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { jobEngineLimits } from "../job/limits.ts";
import { sweepTimers } from "../job/sweep.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { statusesOf } from "../testing/look.ts";

/** Takes effect, says so, and stays when it is the first to do so. */
const program = `
const { appendFileSync, readFileSync } = require("node:fs");
const [, , file] = process.argv;
appendFileSync(file, "x");
console.log("on");
if (readFileSync(file, "utf8").length === 1) setTimeout(() => undefined, 60_000);
`;

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n", "effect.cjs": program } });
});
afterAll(() => stack.remove());

/** Ends when its first command has said something. */
type Stop = (stack: AgentStack) => ToolService;

const isOutput = (event: ToolEvent): boolean => event.state === "running" && event.chunk !== undefined;

const stopping: Stop = ({ engine }) => {
  const stateDir = path.join(engine.folder, "runner");
  const runner = createToolRunner({ stateDir, sandbox: "none", logger: { warn: () => undefined } });
  return {
    ...runner.tools,
    async *execute(invocation, options) {
      for await (const event of runner.tools.execute(invocation, options)) {
        yield event;
        if (isOutput(event)) void runner.close(0);
      }
    },
  };
};

/** One that answers what it cuts, as runners of earlier versions do. */
const answering: Stop = ({ parts: { tools } }) => ({
  ...tools,
  async *execute(invocation, options) {
    for await (const event of tools.execute(invocation, options)) {
      yield event;
      if (isOutput(event)) void tools.cancel(invocation.invocationId);
    }
  },
});

const runners = [
  ["that stops", stopping],
  ["that says the call was cancelled", answering],
] as const;

let files = 0;
/** The command and how often it took effect. */
function effect(): { argv: string[]; count: () => number } {
  files += 1;
  const file = path.join(stack.engine.folder, `effect-${files}`);
  return {
    argv: ["node", "effect.cjs", file],
    count: () => (existsSync(file) ? readFileSync(file, "utf8").length : 0),
  };
}

const run = (argv: string[]) => ({ name: "run_command", input: { argv, cwd: "." } });
const write = { name: "write_file", input: { path: "src/a.ts", content: "2\n", overwrite: true } };
const finish = { name: "finish", input: { summary: "Done." } };
const turn = (number: number, ...toolCalls: { name: string; input: unknown }[]) => ({
  match: { agent: "code-writer", turn: number },
  reply: { toolCalls },
});

/** Runs it on a runner that is stopped, and gives what may still take its place. */
async function begin(step: Step, replies: ReturnType<typeof turn>[], stop: Stop) {
  const first = stack.process();
  first.deps.tools = stop(stack);
  const planId = await first.storePlan([step], { model: stack.script(replies) });
  await first.run(planId);
  const goOn = async () => {
    stack.engine.clock.advance(jobEngineLimits.unreachableRetryMs);
    await sweepTimers(stack.engine);
    await stack.process().run(planId);
  };
  return { planId, goOn };
}

async function told(planId: string): Promise<string[]> {
  const events = await readEvents(stack.engine.store.read, planId);
  return events.flatMap((event) => {
    if (event.type === "tool.finished") return [`${event.data.tool} ${event.data.state}`];
    if (event.type === "step.backed_off") return [`backed off: ${event.data.error.code}`];
    return event.type === "step.reconcile_requested" ? ["asked a person"] : [];
  });
}

test.each(runners)("a runner %s ends no effect that may happen once: a person is asked", async (_name, stop) => {
  const { argv, count } = effect();
  const envelope = { tools: ["run_command", "write_file"], paths: ["src/**"], commands: ["node"] };
  const step = testStep("a", { envelope: { ...envelope, effect: "once" } });
  // What a model does that is told that its call was cancelled.
  const { planId, goOn } = await begin(step, [turn(1, run(argv)), turn(2, run(argv)), turn(3, write, finish)], stop);
  await goOn();
  expect(await statusesOf(stack.engine, planId)).toEqual({ plan: "running", a: "needs_reconcile" });
  expect([count(), await told(planId), stack.requests(planId)]).toEqual([
    1,
    ["asked a person"],
    ["a.1 started", "a.1 delivered"],
  ]);
});

test.each(runners)("a runner %s lets an effect that may be repeated begin again", async (_name, stop) => {
  const { argv, count } = effect();
  const envelope = { tools: ["run_command", "write_file"], paths: ["src/**"], commands: ["node"] };
  const { planId, goOn } = await begin(testStep("a", { envelope }), [turn(1, run(argv), write, finish)], stop);
  await goOn();
  expect([(await statusesOf(stack.engine, planId))["plan"], count(), await told(planId)]).toEqual([
    "succeeded",
    2,
    ["backed off: unavailable", "run_command completed", "write_file completed"],
  ]);
  expect(await auditPlan(stack.engine, planId)).toEqual([]);
});

test.each(runners)("a runner %s in a success check says nothing about the work", async (_name, stop) => {
  const { argv, count } = effect();
  const step = testStep("a", {
    envelope: { tools: ["write_file"], paths: ["src/**"] },
    successCheck: { kind: "command", argv },
  });
  const { planId, goOn } = await begin(step, [turn(1, write, finish)], stop);
  await goOn();
  expect([(await statusesOf(stack.engine, planId))["plan"], count(), await told(planId)]).toEqual([
    "succeeded",
    2,
    ["write_file completed", "backed off: unavailable", "run_command completed"],
  ]);
  expect(stack.requests(planId)).toEqual(["a.1 started", "a.1 delivered"]);
});
