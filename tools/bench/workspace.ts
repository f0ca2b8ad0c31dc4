// A working tree for a step on a repository of 20,000 files, against `git worktree add`.
import { existsSync, statfsSync } from "node:fs";
import path from "node:path";

import { WorkspaceId } from "../../packages/contracts/src/index.ts";
import { createToolRunner } from "../../services/tool-runner/src/create-tool-runner.ts";
import { smallest, toResult } from "./measure.ts";
import type { Result, Series } from "./measure.ts";
import { git, largeRepository } from "./repositories.ts";
import type { Bench } from "./report.ts";
import { makeBenchFolder } from "./server-process.ts";

const files = 20_000;
const rounds = 4;
/**
 * Where there is one, a file system in memory: ext4 passes over every inode that was freed within the last half
 * minute when it looks for one (`recently_deleted` in its ialloc.c), so that on a disk a tree takes up to ten times
 * as long by what was removed before it, whoever writes it.
 */
const memory = { folder: "/dev/shm", leastBytes: 2 ** 31 };

function hasMemory(): boolean {
  const { folder, leastBytes } = memory;
  if (!existsSync(folder)) return false;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize >= leastBytes;
}
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function run(): Promise<Result[]> {
  const bench = makeBenchFolder(hasMemory() ? memory.folder : undefined);
  const source = largeRepository(files);
  // The baseline writes into the repository; the cached one stays as it is.
  const repository = path.join(bench.folder, "repository");
  git(bench.folder, ["clone", "--quiet", "--no-checkout", source, repository]);
  const commit = git(repository, ["rev-parse", "HEAD"]);
  const runner = createToolRunner({ stateDir: path.join(bench.stateDir, "runner"), sandbox: "none", logger: silent });
  let count = 0;
  const open = async () => {
    count += 1;
    const planId = `plan-00000000-0000-4000-8000-${String(count).padStart(12, "0")}`;
    const workspaceId = WorkspaceId.parse(`${planId}.s1`);
    const request = { workspaceId, planId, repositoryPath: repository, commit };
    const seconds = await timed(() => runner.workspaces.open(request));
    await runner.workspaces.remove({ planId });
    return seconds;
  };
  const addWorktree = async () => {
    const tree = path.join(bench.folder, "tree");
    const seconds = await timed(() => git(repository, ["worktree", "add", "--quiet", "--detach", tree, commit]));
    git(repository, ["worktree", "remove", "--force", tree]);
    return seconds;
  };
  try {
    const first = await open();
    const series: Series = { ours: [], baseline: [] };
    for (let round = 0; round < rounds; round += 1) {
      series.baseline.push(await addWorktree());
      series.ours.push(await open());
    }
    const goal = { of: "ratio", relation: "≤", limit: 1.5 } as const;
    const row = { unit: "s", baselineName: "git worktree add", pick: smallest };
    return [
      toResult({ ...row, id: "workspace.open", goal }, series),
      toResult({ ...row, id: "workspace.open-first", goal: null }, { ...series, ours: [first] }),
    ];
  } finally {
    await runner.close();
    bench.remove();
  }
}

export const workspaceOpen: Bench = { ids: ["workspace.open", "workspace.open-first"], run };
