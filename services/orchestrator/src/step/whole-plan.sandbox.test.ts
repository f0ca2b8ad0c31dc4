import { createToolRunner } from "@ossaat/tool-runner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack, ScriptEntry } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { openTestEngine } from "../testing/test-engine.ts";

async function probe() {
  const trial = await openTestEngine();
  const runner = createToolRunner({ stateDir: trial.folder, sandbox: "bubblewrap", logger: { warn: () => undefined } });
  const { sandbox } = await runner.health();
  await runner.close();
  await trial.remove();
  return sandbox;
}
const { driver, detail } = await probe();
const reason = driver === "bubblewrap" ? "" : ` (skipped: ${detail})`;

const files = {
  "package.json": '{"name":"demo","type":"module","scripts":{"test":"node --test"}}\n',
  "src/add.js": "export const add = (a, b) => a - b;\n",
  "src/add.test.js":
    'import test from "node:test";\nimport assert from "node:assert";\nimport { add } from "./add.js";\ntest("adds", () => assert.equal(add(1, 2), 3));\n',
};

const reply = (agent: string, turn: number, ...toolCalls: { name: string; input: unknown }[]): ScriptEntry => ({
  match: { agent, turn },
  reply: { toolCalls },
});
const draft = {
  summary: "Mend add.",
  successCriteria: ["The tests pass."],
  steps: [
    {
      id: "mend",
      title: "Mend add",
      summary: "add must add.",
      files: ["src/add.js"],
      commands: ["touch"],
    },
  ],
};
const script: ScriptEntry[] = [
  reply("planner", 1, { name: "propose_plan", input: draft }),
  reply(
    "code-writer",
    1,
    { name: "run_tests", input: {} },
    { name: "run_command", input: { argv: ["touch", "/etc/escaped", "/tmp/inside", "README.md"] } },
    { name: "edit_file", input: { path: "src/add.js", oldText: "a - b", newText: "a + b" } },
    { name: "run_tests", input: {} },
  ),
  reply("code-writer", 2, { name: "finish", input: { summary: "Mended." } }),
  reply("tester", 1, { name: "finish", input: { summary: "All pass." } }),
  reply("auditor", 1, { name: "finish", input: { summary: "Fine.", findings: [] } }),
];

describe.skipIf(driver !== "bubblewrap")(`a whole plan in the sandbox${reason}`, () => {
  let stack: AgentStack;
  beforeAll(async () => {
    stack = await openAgentStack({ files, sandbox: "bubblewrap" });
  });
  afterAll(() => stack.remove());

  test("plans, writes, tests and reviews; only approved files change and the evidence says what ran", async () => {
    const server = stack.process();
    const planId = await server.create({ model: stack.script(script), goal: "Mend add" });
    await server.run(planId);
    await server.approve(planId);
    await server.run(planId);
    const state = await server.state(planId);
    expect([state.status, state.message, state.steps.map(({ id, status }) => `${id} ${status}`)]).toEqual([
      "succeeded",
      undefined,
      ["mend succeeded", "test succeeded", "audit succeeded"],
    ]);
    const branch = `ossaat/${planId}`;
    expect(stack.git("diff", "--stat", `main..${branch}`)).toContain("1 file changed");
    expect(stack.git("show", `${branch}:src/add.js`)).toBe("export const add = (a, b) => a + b;\n");
    const evidence = JSON.parse(await stack.engine.artifacts.get(state.evidenceRef ?? "")) as {
      status: string;
      commands: { argv: string[]; exitCode: number | null; unsandboxed: boolean; tests?: { status: string } }[];
    };
    expect([evidence.status, evidence.commands.map(({ tests, exitCode }) => tests?.status ?? exitCode)]).toEqual([
      "succeeded",
      ["failed", 1, "passed", "passed"],
    ]);
    const audited = (await readEvents(stack.engine.store.read, planId)).flatMap((event) =>
      event.type === "audit.denied" ? [[event.stepId, event.data.callId, event.data.denials]] : [],
    );
    expect(audited).toEqual([["mend", "1.1", [{ layer: "changes", rule: "outside_envelope", what: "README.md" }]]]);
    expect(evidence.commands.some(({ unsandboxed }) => unsandboxed)).toBe(false);
    expect(await auditPlan(stack.engine, planId)).toEqual([]);
  });
});
