// The git objects of a plan as one bundle: its commits and snapshots, and whatever they build on
// that no remote of the user's repository has.
import { randomUUID } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import { refPart } from "../workspace/working-tree.ts";
import type { UserRepository } from "../workspace/user-repository.ts";
import { keptLimits } from "./limits.ts";

const objectName = /^[0-9a-f]{40,64}$/u;

type Place = { git: Git; gitDir: string };

/** @throws AgentError invalid_input */
export function checkObjects(objects: readonly string[]): void {
  if (objects.length > keptLimits.maxObjects) {
    throw new AgentError("limit_exceeded", `A plan names at most ${keptLimits.maxObjects} git objects.`);
  }
  if (objects.every((name) => objectName.test(name))) return;
  throw new AgentError("invalid_input", "A git object is named by its whole hash.");
}

/** Those of the objects that the git dir does not have as commit or tree. */
export async function lackingObjects({ git, gitDir }: Place, objects: readonly string[]): Promise<string[]> {
  checkObjects(objects);
  if (objects.length === 0) return [];
  const input = `${objects.join("\n")}\n`;
  const checked = await git.text(["cat-file", "--batch-check=%(objecttype)"], { gitDir, input });
  const kinds = checked.split("\n");
  return objects.filter((_name, index) => kinds[index] !== "commit" && kinds[index] !== "tree");
}

/** Commits the remotes have, as far as the user's repository knows: what need not be sent. */
async function remoteCommits({ git, gitDir }: Place, repository: UserRepository): Promise<string[]> {
  const refs = await git.text(["for-each-ref", "--format=%(objectname)", "refs/remotes/"], { cwd: repository.root });
  const names = [...new Set(refs.split("\n").filter((name) => name !== ""))];
  if (names.length === 0) return [];
  const input = `${names.join("\n")}\n`;
  const checked = await git.text(["cat-file", "--batch-check=%(objecttype) %(objectname)"], { gitDir, input });
  return checked
    .split("\n")
    .filter((line) => line.startsWith("commit "))
    .map((line) => line.slice("commit ".length));
}

async function withRefs<T>(
  { git, gitDir }: Place,
  objects: readonly string[],
  work: (refs: string[]) => Promise<T>,
): Promise<T> {
  // A bundle holds refs; they stand for the moment it takes to write it.
  const prefix = `refs/ossaat/export/${randomUUID()}`;
  const refs = objects.map((name) => `${prefix}/${name}`);
  const lines = (verb: (name: string, ref: string) => string) =>
    `${objects.map((name, index) => verb(name, refs[index] ?? "")).join("\n")}\n`;
  await updateRef(git, ["--stdin"], { gitDir, input: lines((name, ref) => `create ${ref} ${name}`) });
  try {
    return await work(refs);
  } finally {
    await updateRef(git, ["--stdin"], { gitDir, input: lines((_name, ref) => `delete ${ref}`) });
  }
}

const emptyBundle = /empty bundle/u;

/**
 * Writes the bundle to `file`; false when the remotes have all of it.
 * @throws AgentError limit_exceeded
 */
export async function writeBundle(
  place: Place,
  repository: UserRepository,
  { objects, file }: { objects: readonly string[]; file: string },
): Promise<boolean> {
  if (objects.length === 0) return false;
  const { git, gitDir } = place;
  const known = await remoteCommits(place, repository);
  const written = await withRefs(place, objects, (refs) =>
    git.run(["bundle", "create", "--quiet", file, "--stdin"], {
      gitDir,
      input: `${[...refs, ...known.map((name) => `^${name}`)].join("\n")}\n`,
      okCodes: [128],
    }),
  );
  if (written.code !== 0) {
    if (emptyBundle.test(written.stderr)) return false;
    throw new AgentError("tool_failed", "The git objects of the plan could not be bundled.", {
      cause: new Error(written.stderr),
      details: { retryable: false },
    });
  }
  const { size } = await stat(file);
  if (size <= keptLimits.maxBundleBytes) return true;
  throw new AgentError("limit_exceeded", `The git objects of the plan take ${size} bytes, too many for an archive.`, {
    details: { next: "`git push` the plan's base: what a remote has is left out" },
  });
}

const lackingCommits = /lacks these prerequisite commits/u;

/**
 * Takes a bundle's objects in.
 * @throws AgentError conflict (what it builds on is not here), invalid_input (no bundle, damaged)
 */
export async function readBundle({ git, gitDir }: Place, file: string): Promise<void> {
  const verified = await git.run(["bundle", "verify", "--quiet", file], { gitDir, okCodes: [1, 128] });
  if (verified.code !== 0 && lackingCommits.test(verified.stderr)) {
    throw new AgentError("conflict", "The repository lacks commits that the plan builds on.", {
      details: { next: "git fetch --all" },
      cause: new Error(verified.stderr),
    });
  }
  const taken =
    verified.code === 0
      ? await git.run(["bundle", "unbundle", file], { gitDir, okCodes: [1, 128] })
      : { code: 1, stderr: verified.stderr };
  if (taken.code === 0) return;
  throw new AgentError("invalid_input", "The git objects of the archive are damaged.", {
    cause: new Error(taken.stderr),
  });
}

/** Keeps what a plan needs alive until its working trees are removed. */
export async function keepObjects({ git, gitDir }: Place, planId: string, objects: readonly string[]): Promise<void> {
  if (objects.length === 0) return;
  const prefix = `refs/ossaat/keep/${refPart(planId)}/import`;
  const input = `${objects.map((name) => `update ${prefix}/${name} ${name}`).join("\n")}\n`;
  await updateRef(git, ["--stdin"], { gitDir, input });
}

/** Everything the objects name is there, too. @throws AgentError invalid_input */
export async function requireWhole({ git, gitDir }: Place, objects: readonly string[]): Promise<void> {
  const lacking = await lackingObjects({ git, gitDir }, objects);
  const input = `${objects.join("\n")}\n`;
  const args = ["rev-list", "--objects", "--quiet", "--stdin"];
  const walked =
    lacking.length > 0 || objects.length === 0
      ? { code: lacking.length }
      : await git.run(args, { gitDir, input, okCodes: [1, 128] });
  if (walked.code === 0) return;
  throw new AgentError("invalid_input", "The git objects of the archive are not all that the plan needs.", {
    details: { next: "git fetch --all" },
  });
}

export async function makeTempFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}
