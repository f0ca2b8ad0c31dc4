// What the oracle said of runs without a safeguard, and the count for the whole run.
import { mkdirSync, writeFileSync } from "node:fs";

import { describeFinding } from "../../packages/testkit/src/index.ts";
import type { Finding, Invariant } from "../../packages/testkit/src/index.ts";

export type Verdict = {
  /** Of the mutation. */
  name: string;
  caughtBy: Invariant;
  /** Findings with the engine as it is: there must be none, or the objections would mean nothing. */
  sound: readonly Finding[];
  objections: readonly Finding[];
};

/** Says whether the mutation was caught. */
function isCaught({ name, caughtBy, sound, objections }: Verdict): boolean {
  const expected = objections.find(({ invariant }) => invariant === caughtBy);
  if (sound.length > 0) {
    console.log(`${name}: the run does not hold with the engine as it is: ${sound.map(describeFinding).join("; ")}`);
    return false;
  }
  if (expected === undefined) {
    console.log(`${name}: SURVIVED ${caughtBy}; ${objections.map(describeFinding).join("; ")}`);
    return false;
  }
  console.log(`${name}: caught, ${objections.length} objections, among them ${describeFinding(expected)}`);
  return true;
}

export type MutationReport<T> = {
  /** Of the report's file. */
  name: string;
  cases: readonly T[];
  /** Cases that are judged side by side. */
  parallel: number;
  judge: (one: T, index: number) => Promise<Verdict>;
};

/** Judges every case. @returns exit code */
export async function reportMutations<T>({ name, cases, parallel, judge }: MutationReport<T>): Promise<number> {
  let caught = 0;
  const left = [...cases.entries()];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, one] = next;
      if (isCaught(await judge(one, index))) caught += 1;
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const failed = cases.length - caught;
  mkdirSync(".tools/reports", { recursive: true });
  writeFileSync(`.tools/reports/${name}.json`, `${JSON.stringify({ passed: caught, failed })}\n`);
  console.log(`chaos-mutations: ${caught} caught, ${failed} not`);
  return failed === 0 ? 0 : 1;
}
