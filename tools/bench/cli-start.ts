// What a command costs before and besides its work, in CPU time, against starting Node alone.
import { fileURLToPath } from "node:url";

import { cpuMs } from "./cpu-time.ts";
import type { CommandOptions } from "./cpu-time.ts";
import { interleave, smallest, toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import { smallRepository } from "./repositories.ts";
import type { Bench } from "./report.ts";
import { makeBenchFolder, startServer } from "./server-process.ts";

const entry = fileURLToPath(new URL("../../apps/cli/bin/ossaat", import.meta.url));
const rounds = 7;
/** Runs that make one figure: the times of one are too short for the clock. */
const runs = 3;
/** Plans of the repository whose list is printed. */
const listedPlans = 10;

async function measure(id: string, limit: number, words: readonly string[], options: CommandOptions): Promise<Result> {
  const series = await interleave(
    rounds,
    () => cpuMs(words, runs, options),
    () => cpuMs([process.execPath, "-e", "0"], runs),
  );
  const goal = { of: "ratio", relation: "≤", limit } as const;
  return toResult({ id, unit: "ms of CPU", goal, baselineName: "node -e 0", pick: smallest }, series);
}

async function run(): Promise<Result[]> {
  const bench = makeBenchFolder();
  const server = await startServer(bench);
  try {
    const repository = smallRepository(bench.folder);
    for (let n = 0; n < listedPlans; n += 1) {
      await server.client.createPlan({ goal: `Explain part ${n}`, repository: { path: repository }, model: "none" });
    }
    const options = { cwd: repository, env: bench.env };
    return [
      await measure("cli.version", 1.25, [entry, "--version"], options),
      await measure("cli.runs", 2, [entry, "runs"], options),
    ];
  } finally {
    await server.stop();
    bench.remove();
  }
}

export const cliStart: Bench = { ids: ["cli.version", "cli.runs"], run };
