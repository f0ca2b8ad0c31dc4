// A folder for the caches of build tools, one a working tree: it lives from command to command of
// a step, and no other step's commands write or read it. A tester's step so never runs what a
// writer left in a cache. Go's starts as a copy of what the runner compiled itself, in a box
// without anybody's code: with an empty one, each step would compile the standard library.
import { constants } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";

import { sha256Hex } from "@ossaat/contracts";

import type { WorkspaceFiles } from "../files/workspace-files.ts";
import { defaultSandboxLimits } from "../sandbox/limits.ts";
import type { Sandbox, SandboxResult } from "../sandbox/sandbox.ts";
import type { OpenWorkspace } from "../workspace/workspace-record.ts";
import { removeTree } from "../workspace/nested-git.ts";
import type { Layout } from "../workspace/layout.ts";
import type { KeyedLock } from "../workspace/lock.ts";
import { goSeedFiles } from "./go-seed.ts";
import { buildCacheLimits } from "./limits.ts";

type CacheRequest = {
  workspace: { planId: string; workspaceId: string };
  files: WorkspaceFiles;
  cwd: string;
  signal?: AbortSignal;
};

export type BuildCaches = {
  /** Folder and variables for a run; undefined when its tools keep no cache of this kind. */
  forRun(request: CacheRequest): Promise<{ dir: string; env: Record<string, string> } | undefined>;
  /** Removes a working tree's folder; its next run makes a new one. */
  drop(workspace: Pick<OpenWorkspace, "planId" | "workspaceId">): Promise<void>;
};

export type BuildCacheDeps = {
  layout: Layout;
  lock: KeyedLock;
  sandbox: Sandbox;
  log: { warn(fields: Record<string, unknown>, message: string): void };
};

/** Go's cache within the folder. */
const goFolder = "go-build";

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

async function usesGo(files: WorkspaceFiles, cwd: string): Promise<boolean> {
  for (const path of new Set(["go.mod", posix.join(cwd, "go.mod")])) {
    if ((await files.kind(path)) === "file") return true;
  }
  return false;
}

type TrustedRun = { argv: string[]; workspaceDir: string; cacheDir: string; env: Record<string, string> };

/** Runs a command of the runner itself in a box and gives its output. */
async function runTrusted(
  { sandbox }: BuildCacheDeps,
  run: TrustedRun,
  signal: AbortSignal | undefined,
): Promise<{ result: SandboxResult; output: string }> {
  let output = "";
  const result = await sandbox.run({
    ...run,
    cwd: ".",
    limits: { ...defaultSandboxLimits, wallMs: buildCacheLimits.seedMs },
    onOutput: (_channel, data) => {
      if (output.length < 4_096) output += data.toString("utf8");
    },
    ...(signal === undefined ? {} : { signal }),
  });
  return { result, output };
}

/** Begins the names of folders in which a seed is made. */
const making = "making-";

/** Removes what a runner left that was killed while it made a seed; for a start, before any call. */
export async function clearUnfinishedSeeds({ caches }: Layout): Promise<void> {
  const names = await readdir(caches).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names) if (name.startsWith(making)) await removeTree(join(caches, name));
}

/** Compiles the seed for the toolchain that the box has. Undefined when there is none, or it failed. */
async function makeSeed(deps: BuildCacheDeps, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { layout, sandbox, log } = deps;
  await mkdir(layout.caches, { recursive: true, mode: 0o700 });
  const temporary = await mkdtemp(join(layout.caches, making));
  try {
    const workspaceDir = join(temporary, "module");
    const cacheDir = join(temporary, "cache");
    await mkdir(workspaceDir);
    await mkdir(join(cacheDir, goFolder), { recursive: true });
    for (const [name, text] of Object.entries(goSeedFiles())) await writeFile(join(workspaceDir, name), text);
    const env = { GOCACHE: posix.join(sandbox.cacheRoot ?? "", goFolder) };
    const place = { workspaceDir, cacheDir, env };
    const version = await runTrusted(deps, { argv: ["go", "version"], ...place }, signal);
    if (version.result.exitCode !== 0) return undefined;
    const seed = join(layout.caches, `go-${sha256Hex(version.output).slice(0, 16)}`);
    if (await isFolder(seed)) return seed;
    const { result } = await runTrusted(deps, { argv: ["go", "test", "./..."], ...place }, signal);
    if (result.exitCode !== 0) {
      log.warn({ exitCode: result.exitCode, timedOut: result.timedOut }, "The first cache of Go could not be made.");
      return undefined;
    }
    await removeOthers(layout.caches, seed);
    await rename(join(cacheDir, goFolder), seed);
    return seed;
  } finally {
    await removeTree(temporary);
  }
}

/** Seeds of toolchains that were here before. */
async function removeOthers(caches: string, seed: string): Promise<void> {
  for (const name of await readdir(caches)) {
    const path = join(caches, name);
    if (name.startsWith("go-") && path !== seed) await removeTree(path);
  }
}

/** Fills a working tree's cache; what was left half-copied by a kill is made anew. */
async function copySeed(seed: string, target: string): Promise<void> {
  const half = `${target}.half`;
  await rm(half, { recursive: true, force: true });
  await cp(seed, half, { recursive: true, mode: constants.COPYFILE_FICLONE });
  await rename(half, target);
}

export function createBuildCaches(deps: BuildCacheDeps): BuildCaches {
  const { layout, lock, sandbox } = deps;
  let made: { seed: string | undefined } | undefined;
  const seedOf = (signal: AbortSignal | undefined) =>
    lock.hold(
      "build-cache",
      async () => {
        if (made !== undefined) return made.seed;
        const seed = await makeSeed(deps, signal);
        // A cancelled call says nothing about the next one.
        if (signal?.aborted !== true) made = { seed };
        return seed;
      },
      signal,
    );

  return {
    async forRun({ workspace, files, cwd, signal }) {
      if (sandbox.cacheRoot === undefined || !(await usesGo(files, cwd))) return undefined;
      const dir = layout.cacheDir(workspace.planId, workspace.workspaceId);
      const target = join(dir, goFolder);
      if (!(await isFolder(target))) {
        await mkdir(dir, { recursive: true, mode: 0o700 });
        const seed = await seedOf(signal);
        if (seed === undefined) await mkdir(target);
        else await copySeed(seed, target);
      }
      return { dir, env: { GOCACHE: posix.join(sandbox.cacheRoot, goFolder) } };
    },
    drop: ({ planId, workspaceId }) => removeTree(layout.cacheDir(planId, workspaceId)),
  };
}
