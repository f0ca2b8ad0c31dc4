import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";

import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { gitIn } from "../testing/user-repository.ts";
import { createGit } from "./git.ts";
import { updateRef } from "./update-ref.ts";

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
  const trace = dir.at(`trace-${randomUUID()}`);
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
    .map((line) => JSON.parse(line) as { value?: string; count?: number })
    // Its newer versions count; the older ones tell a value.
    .map(({ value, count }) => Number(count ?? value));
  return { count: counts.reduce((sum, each) => sum + each, 0), output };
}

it("has objects and refs on the disk before a call returns", async () => {
  const object = await flushes(["hash-object", "-w", "--stdin"], "content\n");
  const commits: string[] = [];
  const counts: number[] = [];
  for (const name of ["a", "b"]) {
    await flushes(["update-index", "--add", "--index-info"], `100644 ${object.output}\t${name}\n`);
    const tree = await flushes(["write-tree"]);
    const commit = await flushes(["commit-tree", tree.output, "-m", name, ...commits.flatMap((each) => ["-p", each])]);
    const ref = await flushes(["update-ref", `refs/heads/${name}`, commit.output]);
    commits.push(commit.output);
    counts.push(tree.count, commit.count, ref.count);
  }
  const other = await flushes([
    "commit-tree",
    await git.text(["mktree"], { gitDir: dir.at("repository"), input: `100644 blob ${object.output}\tc\n` }),
    "-m",
    "c",
    "-p",
    commits[0] ?? "",
  ]);
  const merged = await flushes(["merge-tree", "--write-tree", "b", other.output]);
  counts.push(object.count, other.count, merged.count);
  const read = await flushes(["cat-file", "-p", object.output]);
  expect(counts.map((count) => count > 0)).toEqual(counts.map(() => true));
  expect(read).toEqual({ count: 0, output: "content" });
});

it("ends an aborted call only when its program has ended", async () => {
  const slow = [
    "#!/bin/sh",
    "sleep 30 >/dev/null 2>&1 &",
    'trap "kill $!; sleep 0.3; echo yes >ended; exit 1" TERM',
    "echo yes >begun",
    "wait",
  ];
  writeFileSync(dir.at("slow-git"), `${slow.join("\n")}\n`, { mode: 0o755 });
  const stop = new AbortController();
  const call = createGit(dir.at("slow-git")).run(["add"], { cwd: dir.at("tree"), signal: stop.signal });
  const end = call.catch((error: unknown) => (error as { code?: unknown }).code);
  while (!existsSync(dir.at("tree/begun"))) await sleep(5);
  stop.abort();
  expect([await end, existsSync(dir.at("tree/ended"))]).toEqual(["cancelled", true]);
});

it("hands a stream on as it comes, and ends what writes it when the reader fails", async () => {
  const place = { gitDir: dir.at("repository") };
  const many = Array.from({ length: 50_000 }, (_none, line) => `line ${line}\n`);
  const blob = await git.text(["hash-object", "-w", "--stdin"], { ...place, input: Readable.from(many) });
  expect(blob).toBe(await git.text(["hash-object", "--stdin"], { ...place, input: many.join("") }));
  const copied = git.stream(["cat-file", "blob", blob], place, (input) =>
    git.text(["hash-object", "--stdin"], { ...place, input }),
  );
  expect(await copied).toBe(blob);
  const refused = git.stream(["cat-file", "blob", blob], place, (input) =>
    git.run(["unpack-objects", "-q"], { ...place, input }),
  );
  await expect(refused).rejects.toMatchObject({
    code: "tool_failed",
    message: expect.stringContaining("unpack-objects"),
  });
});

it("says that the disk is full when git could not write for want of room", async () => {
  const place = { gitDir: dir.at("repository") };
  const tree = await git.text(["mktree"], { ...place, input: "" });
  await expect(git.run(["archive", "--output=/dev/full", tree], place)).rejects.toMatchObject({
    code: "unavailable",
    message: "The disk is full.",
  });
});

it("that somebody killed may be run again", async () => {
  const program = dir.at("killed-git");
  writeFileSync(program, "#!/bin/sh\nkill -9 $$\n", { mode: 0o755 });
  const failed = createGit(program).run(["read-tree", "HEAD"], { gitDir: dir.at("repository") });
  await expect(failed).rejects.toMatchObject({
    code: "unavailable",
    message: "git read-tree was ended by a signal.",
    isRetryable: true,
  });
});

it("changes a ref whose lock a killed git left behind, but not while a shared lock is young", async () => {
  const place = { gitDir: dir.at("repository") };
  const tree = await git.text(["mktree"], { ...place, input: "" });
  mkdirSync(dir.at("repository/refs/ours"), { recursive: true });
  writeFileSync(dir.at("repository/refs/ours/a.lock"), "");
  await updateRef(git, ["refs/ours/a", tree], place);
  expect(await git.text(["rev-parse", "refs/ours/a"], place)).toBe(tree);
  const others = dir.at("repository/refs/ours/a.lock");
  writeFileSync(others, "");
  await expect(updateRef(git, ["--stdin"], { ...place, input: `delete refs/ours/a ${tree}\n` })).resolves.toMatchObject(
    {
      code: 0,
    },
  );
  await updateRef(git, ["refs/ours/a", tree], place);
  const shared = dir.at("repository/packed-refs.lock");
  writeFileSync(shared, "");
  await expect(updateRef(git, ["-d", "refs/ours/a"], place)).rejects.toMatchObject({ code: "unavailable" });
  const old = new Date(Date.now() - 60_000);
  utimesSync(shared, old, old);
  await updateRef(git, ["-d", "refs/ours/a"], place);
  expect(await git.text(["for-each-ref"], place)).toBe("");
  await expect(updateRef(git, ["refs/ours/b", "nothing"], place)).rejects.toMatchObject({ code: "tool_failed" });
});
