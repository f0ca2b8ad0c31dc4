import { mkdirSync, readFileSync } from "node:fs";

import { afterEach, beforeEach, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { gitIn } from "../testing/user-repository.ts";
import { createGit } from "./git.ts";

const git = createGit("git");
let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir();
  mkdirSync(dir.at("tree"));
  gitIn(dir.at("."), ["init", "-q", "--bare", dir.at("repository")]);
});
afterEach(() => dir.remove());

/** How often a call flushed to the disk, as git itself counts it. */
async function flushes(args: readonly string[], input = ""): Promise<{ count: number; output: string }> {
  const trace = dir.at(`trace-${args[0] ?? ""}`);
  const env = {
    GIT_TRACE2_EVENT: trace,
    GIT_AUTHOR_NAME: "x",
    GIT_AUTHOR_EMAIL: "x@example.org",
    GIT_COMMITTER_NAME: "x",
    GIT_COMMITTER_EMAIL: "x@example.org",
  };
  const output = await git.text(args, { gitDir: dir.at("repository"), workTree: dir.at("tree"), input, env });
  const counts = readFileSync(trace, "utf8")
    .split("\n")
    .filter((line) => line.includes('"category":"fsync"'))
    .map((line) => Number((JSON.parse(line) as { value: string }).value));
  return { count: counts.reduce((sum, each) => sum + each, 0), output };
}

it("has objects and refs on the disk before a call returns", async () => {
  const object = await flushes(["hash-object", "-w", "--stdin"], "content\n");
  expect(object.count).toBeGreaterThan(0);
  const tree = await flushes(["mktree"], `100644 blob ${object.output}\tfile\n`);
  const commit = await flushes(["commit-tree", tree.output, "-m", "x"]);
  const ref = await flushes(["update-ref", "refs/x", object.output]);
  const read = await flushes(["cat-file", "-p", object.output]);
  expect([tree.count, commit.count, ref.count].every((count) => count > 0)).toBe(true);
  expect(read).toEqual({ count: 0, output: "content" });
});
