// A step whose conversation outgrows the window of its model.
import type { EventType, PlanEvent } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry, ScriptedReply, ServerProcess } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";

let stack: AgentStack;
let server: ServerProcess;
let planId: string;

type Call = { name: string; input?: unknown };
const calls = (...toolCalls: Call[]): ScriptedReply => ({ toolCalls });
const write = (file: string, content: string): Call => ({
  name: "write_file",
  input: { path: file, content, overwrite: true },
});
const finish = (): Call => ({ name: "finish", input: { summary: "Done." } });
const writer = (replies: readonly ScriptedReply[]): ScriptEntry[] =>
  replies.map((reply, index) => ({ match: { agent: "code-writer", turn: index + 1 }, reply }));

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n", "src/b.ts": "export const b = 1;\n" } });
});
afterAll(() => stack.remove());

async function start(script: readonly ScriptEntry[], window: { contextTokens?: number } = {}) {
  const model = stack.script(script, window);
  server = stack.process();
  const envelope = { tools: ["read_file", "write_file"], paths: ["src/a.ts"] };
  planId = await server.storePlan([testStep("a", { envelope })], { model });
}

const run = () => server.run(planId);
const events = async <T extends EventType>(type: T) => {
  const all: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
  return all.filter((event): event is Extract<PlanEvent, { type: T }> => event.type === type);
};
const callsOf = async () =>
  (await events("tool.finished")).map(({ data }) => `${data.tool} ${data.state}: ${data.summary}`);
const stepOf = async () => {
  const { status, reason, message } = (await server.state(planId)).steps[0]!;
  return { status, reason, message };
};
const published = (file: string) => stack.git("show", `ossaat/${planId}:${file}`);
const isSound = async () => expect(await auditPlan(stack.engine, planId)).toEqual([]);

test("a first message that fills the window ends the step and says so", async () => {
  await start(writer([{ ...calls(write("src/a.ts", "2\n"), finish()), finishReason: "contextExceeded" }]));
  await server.run(planId, { once: true });
  expect(await stepOf()).toEqual({
    status: "failed",
    reason: "limit",
    message: "the conversation of this step does not fit the model's context window",
  });
});

test("an answer that filled the window leaves the conversation, and the step goes on from a digest", async () => {
  const full = { ...calls(write("src/a.ts", "half\n"), finish()), finishReason: "contextExceeded" };
  const script = [
    ...writer([calls({ name: "read_file", input: { path: "src/b.ts" } }), full]),
    {
      match: { agent: "code-writer", contains: "# What happened in turns 1 to 2" },
      reply: calls(write("src/a.ts", "whole\n"), finish()),
    },
  ];
  await start(script);
  await run();
  expect([await stepOf(), published("src/a.ts"), await callsOf()]).toEqual([
    { status: "succeeded", reason: undefined, message: undefined },
    "whole\n",
    ["read_file completed: Read src/b.ts, lines 1 to 1", "write_file completed: Replaced src/a.ts (6 bytes)."],
  ]);
  await isSound();
});

test("a long step stays inside the model's window, and keeps what was done and what failed last", async () => {
  const contextTokens = 12_000;
  const long = (n: number) => write("src/a.ts", `${n} ${"x".repeat(3_000)}\n`);
  const fails = calls({ name: "read_file", input: { path: "src/missing.ts" } });
  const replies = [...Array.from({ length: 20 }, (_, n) => calls(long(n))), fails];
  const last = {
    match: { agent: "code-writer", turn: 22, contains: "# What happened in turns 1 to" },
    reply: calls(write("src/a.ts", "end\n"), finish()),
  };
  await start([...writer(replies), last], { contextTokens });
  await run();
  const compactions = (await events("context.compacted")).map(({ data }) => data);
  expect([await stepOf(), published("src/a.ts"), compactions.map(({ cause }) => cause)]).toEqual([
    { status: "succeeded", reason: undefined, message: undefined },
    "end\n",
    compactions.map(() => "window"),
  ]);
  expect(compactions.length).toBeGreaterThan(1);
  const through = compactions.map(({ throughTurn }) => throughTurn);
  expect(through).toEqual(through.toSorted((a, b) => a - b));
  const reserved = (await events("budget.reserved")).map(({ data }) => data.tokens);
  expect(Math.max(...reserved)).toBeLessThan(contextTokens);
  await isSound();
});

test("a request that the model refuses as too long is asked again in a shorter form", async () => {
  const tooLong = { ...calls(finish()), error: { kind: "contextLength", times: 99 } };
  const entry = (reply: ScriptedReply, match: Partial<ScriptEntry["match"]>) => ({
    match: { agent: "code-writer", ...match },
    reply,
  });
  const look = (name: string) => calls({ name: "read_file", input: { path: name } });
  const script = [
    entry(calls(write("src/a.ts", "2\n"), finish()), { turn: 3, contains: "# What happened in turns 1 to 1" }),
    entry(tooLong, { turn: 3 }),
    ...writer([look("src/a.ts"), look("src/b.ts")]),
  ];
  await start(script);
  await run();
  expect([(await stepOf()).status, (await events("context.compacted")).map(({ data }) => data.cause)]).toEqual([
    "succeeded",
    ["refused"],
  ]);
  await isSound();
});
