// The table a person reads and the file a program reads. A measurement that failed is an error in
// both, never a row that is missing.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import type { Machine } from "./machine.ts";
import type { Result } from "./measure.ts";

/** One or more rows that are measured together; the ids are what it must give. */
export type Bench = { ids: readonly string[]; run: () => Promise<readonly Result[]> };

export type Report = {
  schemaVersion: 1;
  commit: string;
  machine: Machine;
  results: Result[];
  errors: { id: string; message: string }[];
};

/** Runs the benches one after the other; each row or error is told as soon as it is there. */
export async function runBenches(
  benches: readonly Bench[],
  tell: (line: string) => void,
): Promise<Pick<Report, "results" | "errors">> {
  const results: Result[] = [];
  const errors: Report["errors"] = [];
  for (const { ids, run } of benches) {
    const rows = await run().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    for (const id of ids) {
      const row = rows instanceof Error ? undefined : rows.find((candidate) => candidate.id === id);
      if (row === undefined) {
        const message = rows instanceof Error ? rows.message : "nothing was measured";
        errors.push({ id, message });
        tell(`${id}: ERROR ${message}`);
      } else {
        results.push(row);
        tell(renderRow(row));
      }
    }
  }
  return { results, errors };
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const widths = { id: 24, value: 24, baseline: 12, ratio: 8, goal: 14, holds: 8 };

/** Names of the columns. */
export function renderHead(): string {
  return [
    "measured".padEnd(widths.id),
    "value".padEnd(widths.value),
    "baseline".padEnd(widths.baseline),
    "ratio".padEnd(widths.ratio),
    "goal".padEnd(widths.goal),
    "holds".padEnd(widths.holds),
    "baseline is",
  ].join(" ");
}

export function renderRow({ id, value, unit, baseline, baselineName, ratio, goal, holds, noise }: Result): string {
  const aim = goal === null ? "stated" : `${goal.relation} ${goal.limit}${goal.of === "value" ? ` ${unit}` : ""}`;
  const measured = `${digits(value)} ${unit}${noise === 0 ? "" : ` ±${Math.round(noise * 100)}%`}`;
  return [
    id.padEnd(widths.id),
    measured.padEnd(widths.value),
    (baseline === null ? "-" : digits(baseline)).padEnd(widths.baseline),
    (ratio === null ? "-" : ratio.toFixed(2)).padEnd(widths.ratio),
    aim.padEnd(widths.goal),
    (holds === null ? "-" : holds ? "yes" : "NO").padEnd(widths.holds),
    baselineName ?? "-",
  ]
    .join(" ")
    .trimEnd();
}

/** One line: how many goals hold, and what failed. */
export function renderSummary({ results, errors }: Pick<Report, "results" | "errors">): string {
  const aimed = results.filter(({ holds }) => holds !== null);
  const missed = aimed.filter(({ holds }) => holds === false).map(({ id }) => id);
  const parts = [`${aimed.length - missed.length} of ${aimed.length} goals hold`];
  if (missed.length > 0) parts.push(`missed: ${missed.join(", ")}`);
  if (errors.length > 0) parts.push(`not measured: ${errors.map(({ id }) => id).join(", ")}`);
  return parts.join("; ");
}

export function writeReport(file: string, report: Report): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
