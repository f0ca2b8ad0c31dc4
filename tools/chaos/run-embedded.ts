// Chaos on the embedded server: each seed is a series of its lives, which end by kills of it, its tool runner
// and its tools.
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";

import { runSeed } from "../../packages/testkit/src/chaos/index.ts";
import type { SeedResult } from "../../packages/testkit/src/chaos/index.ts";
import { describeFinding } from "../../packages/testkit/src/index.ts";
import { reportChaos } from "./report-chaos.ts";
import { makeEntries } from "./server-entries.ts";

/** Seeds that run side by side: they wait much, for disks and for delays of their models. */
const parallel = 3;

const leastKills = { servers: 0.5, "servers at a failpoint": 0.1, tools: 0.1, "tool runners": 0.03 };

/** Runs the seeds. @returns exit code */
export async function runEmbedded({ first, count: asked }: { first: number; count: number }): Promise<number> {
  const folder = path.resolve(".tools/chaos");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entries = await makeEntries(folder);
  const runs: SeedResult[] = [];
  const problems: string[] = [];
  const say = (text: string): void => {
    problems.push(text);
    console.log(text);
  };
  let broken = 0;
  let next = first;
  const work = async (): Promise<void> => {
    for (let seed = next++; seed < first + asked; seed = next++) {
      const repeat = `make chaos SEED=${seed}`;
      try {
        const result = await runSeed({ seed, ...entries });
        runs.push(result);
        for (const finding of result.findings) {
          say(`violation: seed ${seed}: ${describeFinding(finding)} (${repeat}; ${result.folder})`);
        }
      } catch (error) {
        broken += 1;
        say(`seed ${seed} did not run: ${String(error)} (${repeat})`);
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const sum = (count: (result: SeedResult) => number) => runs.reduce((total, result) => total + count(result), 0);
  const killed = {
    servers: sum(({ kills }) => kills),
    "servers at a failpoint": sum(({ hits }) => hits.length),
    tools: sum(({ toolKills }) => toolKills),
    "tool runners": sum(({ runnerKills }) => runnerKills),
  };
  return reportChaos({ name: "chaos", asked, runs, broken, killed, leastKills, problems });
}
