import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { PlanEvent } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ServerProcess } from "../testing/agent-stack.ts";

const files = {
  "package.json": '{"name":"demo","type":"module","scripts":{"test":"node --test"}}\n',
  ".gitignore": "built/\n",
  "src/a.js": "export const a = 1;\n",
  "a.test.js": 'import test from "node:test";\ntest("good", () => {});\ntest("other", () => {});\n',
};

let stack: AgentStack;
let server: ServerProcess;
let planId: string;
beforeAll(async () => {
  stack = await openAgentStack({ files });
});
afterAll(() => stack.remove());

type Call = { name: string; input: unknown };
const write: Call = {
  name: "write_file",
  input: { path: "src/a.js", content: "export const a = 2;\n", overwrite: true },
};
const tests = (input: unknown = {}): Call => ({ name: "run_tests", input });
const build: Call = { name: "run_command", input: { argv: ["mkdir", "-p", "built/out"] } };
const read: Call = { name: "read_file", input: { path: "src/a.js" } };
const finish: Call = { name: "finish", input: { summary: "Done." } };

async function start(toolCalls: Call[]) {
  const model = stack.script([
    { match: { agent: "code-writer", turn: 1 }, reply: { toolCalls: [...toolCalls, finish] } },
  ]);
  server = stack.process();
  const envelope = {
    tools: ["write_file", "read_file", "run_tests", "run_command"],
    paths: ["src/**"],
    commands: ["mkdir"],
  };
  planId = await server.storePlan([testStep("a", { successCheck: { kind: "tests" }, envelope })], { model });
}

/** Ids of the calls that ran tests. */
async function testRuns(): Promise<string[]> {
  await server.run(planId, { once: true });
  const events: PlanEvent[] = await readEvents(stack.engine.store.read, planId);
  const [step] = (await server.state(planId)).steps;
  expect([step!.status, step!.message]).toEqual(["succeeded", undefined]);
  return events.flatMap((event) =>
    event.type === "tool.finished" && event.data.tool === "run_tests" ? [event.data.callId] : [],
  );
}

describe("the agent's own run of the tests", () => {
  test.each<[string, Call[], string[]]>([
    ["counts when it ran all of them on the tree that is committed", [write, tests(), read], ["1.1"]],
    ["does not count when it was filtered", [write, tests({ filter: "good" })], ["1.1", "check.1"]],
    ["does not count when a change came after it", [tests(), write], ["1.0", "check.1"]],
    [
      "does not count when a command came after it that may have changed ignored files",
      [write, tests(), build],
      ["1.1", "check.1"],
    ],
  ])("%s", async (_name, toolCalls, runs) => {
    await start(toolCalls);
    expect(await testRuns()).toEqual(runs);
  });

  test("does not count when the tree changed behind it", async () => {
    await start([write, tests()]);
    const { tools } = server.deps;
    server.deps.tools = {
      health: () => tools.health(),
      cancel: (id) => tools.cancel(id),
      async *execute(invocation, options) {
        yield* tools.execute(invocation, options);
        const folder = path.join(stack.engine.folder, "runner", "workspaces", planId);
        if (invocation.tool === "run_tests")
          writeFileSync(path.join(folder, readdirSync(folder)[0]!, "src/late.js"), "");
      },
    };
    expect(await testRuns()).toEqual(["1.1", "check.1"]);
  });
});
