// The end of a chaos run: what was killed, how many seeds ran, what was violated; and its count for the whole run.
import { mkdirSync, writeFileSync } from "node:fs";

import type { Finding } from "../../packages/testkit/src/index.ts";

/** Of this many seeds on, a run in which a kind of kill is rare has not shown what it is for. */
const manySeeds = 40;

export type ChaosReport = {
  /** Of the report's file. */
  name: string;
  /** Seeds that were to run. */
  asked: number;
  runs: readonly { findings: readonly Finding[] }[];
  /** Violations that belong to no seed, and seeds that did not run. */
  broken: number;
  /** Kills by kind. */
  killed: Readonly<Record<string, number>>;
  /** Least kills of each kind, as a part of the seeds. */
  leastKills: Readonly<Record<string, number>>;
  /** Lines that were said. */
  problems: string[];
};

/** Says and writes it. @returns exit code */
export function reportChaos(report: ChaosReport): number {
  const { name, asked, runs, broken, killed, leastKills, problems } = report;
  console.log(
    `killed: ${Object.entries(killed)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ")}`,
  );
  const rare = Object.entries(leastKills).filter(
    ([kind, part]) => asked >= manySeeds && (killed[kind] ?? 0) < part * asked,
  );
  for (const [kind, part] of rare) {
    const text = `too few ${kind} were killed: less than ${part} a seed`;
    problems.push(text);
    console.log(text);
  }
  const clean = runs.filter(({ findings }) => findings.length === 0).length;
  const violations = runs.reduce((sum, { findings }) => sum + findings.length, 0) + broken;
  const counts = { passed: clean, failed: runs.length - clean + broken + rare.length };
  mkdirSync(".tools/reports", { recursive: true });
  writeFileSync(`.tools/reports/${name}.json`, `${JSON.stringify({ ...counts, problems })}\n`);
  console.log(`chaos: ${runs.length} seeds, ${violations} violations`);
  return violations === 0 && rare.length === 0 && runs.length === asked ? 0 : 1;
}
