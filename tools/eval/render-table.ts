// The table a person reads: one line a run, columns as wide as their widest word.
import type { TaskResult } from "./run-task.ts";

const head = ["task", "kind", "language", "oracle", "turns", "calls", "seconds", "result"];

export function renderTable(results: readonly TaskResult[]): string {
  const rows = results.map(({ id, kind, language, oracle, turns, toolCalls, seconds, passed }) => {
    const cells = [id, kind, language, oracle, turns, toolCalls, seconds.toFixed(1), passed ? "passed" : "FAILED"];
    return cells.map(String);
  });
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}
