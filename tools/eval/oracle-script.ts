// From a task's solution to the file of a scripted model. A turn that expects a text is given
// only when the results before it contain that text: a tool that answers otherwise ends the run.
import { readFileSync } from "node:fs";
import path from "node:path";

import { git } from "../../apps/cli/src/testing/make-repository.ts";
import type { Solution, Task, Turn } from "./task-file.ts";

type Entry = { match: Record<string, unknown>; reply: Record<string, unknown> };

/** Counts that stand for a real turn's, so that budgets and sums are exercised. */
const usage = { inputTokens: 1_500, outputTokens: 150, costUsd: 0.01 };

const defaultTester: Turn[] = [
  { calls: [["git_diff", {}]] },
  { calls: [["run_tests", {}]] },
  { calls: [["finish", { summary: "The project's tests ran in the sandbox.", findings: [] }]] },
];

const defaultAuditor: Turn[] = [
  { calls: [["git_diff", {}]] },
  { calls: [["finish", { summary: "The change does what was asked.", findings: [] }]] },
];

type Source = { task: Task; repository: string };

/**
 * Input values by reference: `{"$file": NAME}` is a file of the task's folder, `{"$lines": […]}`
 * lines of text, `{"$diff": {from, to, paths}}` a patch from the repository's own history.
 */
function resolveValue(value: unknown, source: Source): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveValue(item, source));
  if (typeof value !== "object" || value === null) return value;
  const { $file, $lines, $diff } = value as Record<string, unknown>;
  if (typeof $file === "string") return readFileSync(path.join(source.task.folder, $file), "utf8");
  if (Array.isArray($lines)) return $lines.join("\n");
  if (typeof $diff === "object") {
    const { from, to, paths } = $diff as { from: string; to: string; paths: string[] };
    return `${git(source.repository, "diff", "--no-color", "--no-renames", from, to, "--", ...paths)}\n`;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveValue(item, source)]));
}

function entries(turns: readonly Turn[], match: { agent: string; step?: string }, source: Source): Entry[] {
  return turns.map(({ expect, text, calls }, index) => ({
    match: { ...match, turn: index + 1, ...(expect === undefined ? {} : { lastContains: expect }) },
    reply: {
      ...(text === undefined ? {} : { text }),
      toolCalls: calls.map(([name, input]) => ({ name, input: resolveValue(input, source) })),
      usage,
    },
  }));
}

/** The script file of a scripted model, as a value. */
export function oracleScript(solution: Solution, source: Source): { schemaVersion: 1; replies: Entry[] } {
  const { planner, plan, steps, tester = defaultTester, auditor = defaultAuditor } = solution;
  const propose: Turn = { calls: [["propose_plan", plan]] };
  const replies = [
    ...entries([...planner, propose], { agent: "planner", step: "plan.1" }, source),
    ...Object.entries(steps).flatMap(([step, turns]) => entries(turns, { agent: "code-writer", step }, source)),
    ...entries(tester, { agent: "tester", step: "test" }, source),
    ...entries(auditor, { agent: "auditor", step: "audit" }, source),
  ];
  return { schemaVersion: 1, replies };
}
