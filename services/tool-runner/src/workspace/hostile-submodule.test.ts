// A repository at the place of a submodule, or anywhere in a working tree, is made by the agent.
// Host-side git never looks into one, and a commit keeps the submodule as it was.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceId } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";

import { openRunner, testPlanId } from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { gitIn } from "../testing/user-repository.ts";

const workspaceId = "linked" as WorkspaceId;
const authoredAt = "2026-01-01T00:00:00.000Z";

let dir: TempDir;
let open: OpenRunner;
let tree: string;
let link: string;

beforeEach(async () => {
  dir = makeTempDir();
  mkdirSync(dir.at("ran"));
  open = await openRunner({ "a.txt": "one\n", "tracked/f": "f\n" });
  const { repository, stateDir, runner } = open;
  link = repository.base;
  repository.git("update-index", "--add", "--cacheinfo", `160000,${link},sub`);
  repository.git("commit", "-q", "-m", "a submodule");
  const commit = repository.git("rev-parse", "HEAD");
  await runner.workspaces.open({ workspaceId, planId: testPlanId, repositoryPath: repository.root, commit });
  tree = join(stateDir, "workspaces", testPlanId, workspaceId);
});
afterEach(async () => {
  await open.close();
  dir.remove();
});

const ran = () => readdirSync(dir.at("ran")).sort();

/** A repository that stands at the submodule's commit and has a changed file, so that a `git status` in it must run the filter. */
function plantRepository(folder: string, filter: "clean" | "process"): void {
  mkdirSync(folder, { recursive: true });
  const payload = dir.at(`${filter}.sh`);
  writeFileSync(payload, `#!/bin/sh\ntouch '${dir.at("ran", filter)}'\ncat\n`);
  chmodSync(payload, 0o755);
  gitIn(folder, ["init", "-q"]);
  writeFileSync(join(folder, "planted.txt"), "first\n");
  gitIn(folder, ["add", "planted.txt"]);
  gitIn(folder, ["fetch", "-q", open.repository.root, "main"]);
  writeFileSync(join(folder, ".gitattributes"), "* filter=x\n");
  writeFileSync(join(folder, "planted.txt"), "other\n");
  gitIn(folder, ["config", `filter.x.${filter}`, payload]);
  gitIn(folder, ["config", "core.fsmonitor", payload]);
  writeFileSync(join(folder, ".git/HEAD"), `${link}\n`);
}

/** Everything that lets git look at the working tree. */
async function lookAtAll(): Promise<string> {
  const { workspaces } = open.runner;
  for (const tool of ["git_status", "git_diff", "git_log", "list_files", "run_command"] as const) {
    const input = tool === "run_command" ? { argv: ["true"] } : {};
    expect(await open.call(tool, input, { workspaceId })).toMatchObject({ state: "completed" });
  }
  const { tree: snapshot } = await workspaces.snapshot({ workspaceId });
  await workspaces.restore({ workspaceId, tree: snapshot });
  await workspaces.diff({ workspaceId });
  const made = await workspaces.commit({ workspaceId, message: "x", authoredAt, trailers: {} });
  return made.commit;
}

function treeRow(commit: string, path: string): string {
  const repositories = join(open.stateDir, "repositories");
  const [gitDir = ""] = readdirSync(repositories);
  return gitIn(dir.at("."), ["--git-dir", join(repositories, gitDir), "ls-tree", commit, path]);
}

it.each([
  ["a clean filter at the place of a submodule", "sub", "clean"],
  ["a process filter at the place of a submodule", "sub", "process"],
  ["a clean filter in a tracked folder", "tracked", "clean"],
  ["a process filter in a new folder", "new/nested", "process"],
] as const)("runs nothing of %s", async (_name, folder, filter) => {
  plantRepository(join(tree, folder), filter);
  writeFileSync(join(tree, "a.txt"), "changed\n");
  const commit = await lookAtAll();
  expect({ ran: ran(), gitDir: existsSync(join(tree, folder, ".git")) }).toEqual({ ran: [], gitDir: false });
  expect(treeRow(commit, "sub")).toBe(`160000 commit ${link}\tsub`);
});

it.each(["sub", "tracked", "new"])("follows no .git file in %s", async (folder) => {
  plantRepository(join(tree, folder), "clean");
  const elsewhere = dir.at("elsewhere");
  renameSync(join(tree, folder, ".git"), elsewhere);
  writeFileSync(join(tree, folder, ".git"), `gitdir: ${elsewhere}\n`);
  const commit = await lookAtAll();
  expect({ ran: ran(), gitFile: existsSync(join(tree, folder, ".git")) }).toEqual({ ran: [], gitFile: false });
  // The walk removes the name alone, not what it leads to.
  expect(existsSync(join(elsewhere, "config"))).toBe(true);
  expect(treeRow(commit, "sub")).toBe(`160000 commit ${link}\tsub`);
});

it("records files of a planted repository as files, but none at the place of a submodule", async () => {
  plantRepository(join(tree, "sub"), "clean");
  plantRepository(join(tree, "new"), "clean");
  const { workspaces } = open.runner;
  const { files } = await workspaces.commit({ workspaceId, message: "x", authoredAt, trailers: {} });
  expect(files.map(({ path, status }) => [path, status])).toEqual([
    ["new/.gitattributes", "added"],
    ["new/planted.txt", "added"],
  ]);
});

it("keeps a submodule whatever became of its folder, and through undoing and restoring", async () => {
  const { workspaces } = open.runner;
  const before = await workspaces.snapshot({ workspaceId });
  expect(existsSync(join(tree, "sub"))).toBe(true);
  rmSync(join(tree, "sub"), { recursive: true });
  expect(await workspaces.snapshot({ workspaceId })).toEqual(before);
  writeFileSync(join(tree, "sub"), "a file\n");
  expect(await workspaces.snapshot({ workspaceId })).toEqual(before);
  writeFileSync(join(tree, "a.txt"), "changed\n");
  await workspaces.restore({ workspaceId, tree: before.tree });
  expect(await workspaces.snapshot({ workspaceId })).toEqual(before);
});

it("finds .git in other letters and behind closed folders, and leaves names like it alone", async () => {
  for (const folder of [".GIT", "x/.Git", "closed/y/.git", ".github", "x/a.git", ".gitx"]) {
    mkdirSync(join(tree, folder), { recursive: true });
    writeFileSync(join(tree, folder, "f"), "x\n");
  }
  chmodSync(join(tree, "closed"), 0o100);
  await lookAtAll();
  const left = [".GIT", "x/.Git", "closed/y/.git", ".github", "x/a.git", ".gitx"].filter((name) =>
    existsSync(join(tree, name)),
  );
  expect(left).toEqual([".github", "x/a.git", ".gitx"]);
});

it("runs nothing of a submodule in the user's own checkout", async () => {
  const { repository, runner } = open;
  plantRepository(join(repository.root, "sub"), "clean");
  repository.write("a.txt", "dirty\n");
  expect(await runner.workspaces.inspect({ path: repository.root })).toMatchObject({ dirtyPaths: 1 });
  expect(ran()).toEqual([]);
});

it("keeps a submodule through a merge and a conflict", async () => {
  const { repository, runner } = open;
  const { workspaces } = runner;
  const commit = repository.git("rev-parse", "HEAD");
  const heads = [];
  for (const name of ["s1", "s2"]) {
    const place = { workspaceId: name as WorkspaceId, planId: testPlanId };
    await workspaces.open({ ...place, repositoryPath: repository.root, commit });
    await open.call("write_file", { path: "a.txt", content: name, overwrite: true }, place);
    const made = await workspaces.commit({ ...place, message: name, authoredAt, trailers: {} });
    heads.push({ stepId: name, head: made.commit });
  }
  expect(await workspaces.merge({ workspaceId, heads, authoredAt })).toMatchObject({
    status: "conflict",
    files: ["a.txt"],
  });
  plantRepository(join(tree, "sub"), "clean");
  await open.call("write_file", { path: "a.txt", content: "both", overwrite: true }, { workspaceId });
  const merged = await workspaces.continueMerge({ workspaceId, authoredAt });
  expect(merged).toMatchObject({ status: "merged" });
  expect(treeRow(merged.status === "merged" ? merged.head : "", "sub")).toBe(`160000 commit ${link}\tsub`);
  expect(ran()).toEqual([]);
});
