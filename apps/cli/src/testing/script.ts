// Scripted models for end-to-end tests.
import { writeFile } from "node:fs/promises";

export type Reply = Record<string, unknown>;

export type ScriptEntry = { match: Record<string, unknown>; reply: Reply };

export function call(name: string, input: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, input };
}

const usage = { inputTokens: 1_000, outputTokens: 100, costUsd: 0.01 };

/** Replies of one agent in one step, one a turn. */
export function turns(agent: string, step: string, ...replies: Reply[]): ScriptEntry[] {
  return replies.map((reply, index) => ({ match: { agent, step, turn: index + 1 }, reply: { usage, ...reply } }));
}

/** The plan that mends `counterFiles`: one step, `fix`. */
export const counterPlan = {
  summary: "sum in src/sum.js subtracts.",
  successCriteria: ["`npm test` exits 0."],
  steps: [
    {
      id: "fix",
      title: "Let sum add",
      files: ["src/sum.js"],
      summary: "In src/sum.js let sum return a + b.",
      rationale: "test/sum.test.js fails because sum subtracts.",
    },
  ],
  testCommand: ["npm", "test"],
};

export const editSum = call("edit_file", {
  path: "src/sum.js",
  oldText: "  return a - b;",
  newText: "  return a + b;",
});

export const finish = (summary: string, more: Record<string, unknown> = {}) => ({
  toolCalls: [call("finish", { summary, ...more })],
});

/** Everything but the writing step: planner, tester and auditor of {@link counterPlan}. */
export const counterFrame: ScriptEntry[] = [
  ...turns("planner", "plan.1", { toolCalls: [call("propose_plan", counterPlan)] }),
  ...turns("tester", "test", { toolCalls: [call("run_tests")] }, finish("All tests pass.", { findings: [] })),
  ...turns("auditor", "audit", { toolCalls: [call("git_diff")] }, finish("Accepted.", { findings: [] })),
];

export const counterScript: ScriptEntry[] = [
  ...counterFrame,
  ...turns(
    "code-writer",
    "fix",
    { toolCalls: [call("read_file", { path: "src/sum.js" })] },
    { toolCalls: [editSum] },
    finish("Mended."),
  ),
];

/** Writes a script file and returns the name of its model. */
export async function writeScript(file: string, replies: readonly ScriptEntry[]): Promise<string> {
  await writeFile(file, JSON.stringify({ schemaVersion: 1, replies }));
  return `scripted:${file}`;
}
