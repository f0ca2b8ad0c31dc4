// `ossaat plan` without a model on large repositories, from a server that runs and has never seen
// them: the whole index is built within the time.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

import { toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import { git, largeRepository, smallRepository } from "./repositories.ts";
import type { Bench } from "./report.ts";
import { makeBenchFolder, startServer } from "./server-process.ts";
import type { BenchFolder } from "./server-process.ts";

const entry = fileURLToPath(new URL("../../apps/cli/bin/ossaat", import.meta.url));
const goalText = "Reject negative totals in roundInvoiceAmount";

async function planSeconds({ env }: BenchFolder, repository: string): Promise<number> {
  const start = performance.now();
  await promisify(execFile)(entry, ["plan", goalText, "--model", "none", "--json"], { cwd: repository, env });
  return (performance.now() - start) / 1000;
}

/** The product writes its plan into the repository: a checkout of its own keeps the cached one clean. */
function checkoutOf(bench: BenchFolder, files: number): string {
  const folder = `${bench.folder}/files-${files}`;
  git(bench.folder, ["clone", "--quiet", "--local", largeRepository(files), folder]);
  return folder;
}

/** One figure a server: what it has indexed it would know again. */
async function measureOnce(files: number): Promise<number> {
  const bench = makeBenchFolder();
  try {
    const repository = checkoutOf(bench, files);
    const server = await startServer(bench);
    try {
      await planSeconds(bench, smallRepository(bench.folder));
      return await planSeconds(bench, repository);
    } finally {
      await server.stop();
    }
  } finally {
    bench.remove();
  }
}

async function measure(files: number, limit: number, rounds: number): Promise<Result> {
  const ours: number[] = [];
  for (let round = 0; round < rounds; round += 1) ours.push(await measureOnce(files));
  const goal = { of: "value", relation: "≤", limit } as const;
  return toResult({ id: `plan.files-${files}`, unit: "s", goal, baselineName: null }, { ours, baseline: [] });
}

export const planning: Bench = {
  ids: ["plan.files-2000", "plan.files-50000"],
  run: async () => [await measure(2_000, 3, 3), await measure(50_000, 15, 1)],
};
