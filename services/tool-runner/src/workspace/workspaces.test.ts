import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceId } from "@ossaat/contracts";
import { describe, expect, it } from "vitest";

import { testPlanId as planId } from "../testing/open-runner.ts";
import { treeDigest } from "../testing/tree-digest.ts";
import { authoredAt, refusal, useWorkspaces } from "../testing/use-workspaces.ts";
import { gitIn, makeUserRepository } from "../testing/user-repository.ts";

const at = useWorkspaces();
const id = (name: string) => name as WorkspaceId;

describe("inspect", () => {
  it("tells branch, commits and what is uncommitted, from any folder, and changes nothing", async () => {
    at.repository.write("a.txt", "changed\n");
    at.repository.write("new.txt", "untracked\n");
    at.repository.write("ignored/x", "ignored\n");
    const before = treeDigest(at.repository.root);
    const info = {
      root: at.repository.root,
      branch: "main",
      headCommit: at.repository.base,
      baseCommit: at.repository.base,
    };
    expect(await at.service.inspect({ path: at.repository.root })).toEqual({ ...info, dirtyPaths: 2 });
    expect(await at.service.inspect({ path: join(at.repository.root, "dir") })).toEqual({ ...info, dirtyPaths: 2 });
    expect(treeDigest(at.repository.root)).toEqual(before);
  });

  it("resolves a base by branch, tag, short id and ancestry", async () => {
    at.repository.git("tag", "v1");
    at.repository.write("b.txt", "b2\n");
    const head = at.repository.commit("second");
    for (const baseRef of ["v1", "HEAD~1", at.repository.base.slice(0, 10)]) {
      expect(await at.service.inspect({ path: at.repository.root, baseRef })).toMatchObject({
        headCommit: head,
        baseCommit: at.repository.base,
        dirtyPaths: 0,
      });
    }
  });

  it("knows a detached head, a linked checkout and a shallow clone", async () => {
    at.repository.git("checkout", "-q", "--detach");
    expect(await at.service.inspect({ path: at.repository.root })).not.toHaveProperty("branch");
    const linked = at.path("linked {n}");
    at.repository.git("worktree", "add", "-q", "-b", "side", linked);
    expect(await at.service.inspect({ path: linked })).toMatchObject({ root: linked, branch: "side", dirtyPaths: 0 });
    const shallow = at.path("shallow-{n}");
    at.repository.git("clone", "-q", "--depth", "1", `file://${at.repository.root}`, shallow);
    expect(await at.service.inspect({ path: shallow })).toMatchObject({
      headCommit: at.repository.base,
      dirtyPaths: 0,
    });
  });

  it("works where paths hold spaces and line breaks", async () => {
    const odd = makeUserRepository(at.path('odd\n "name" {n}'), { "x y\nz.txt": "odd\n" });
    expect(await at.service.inspect({ path: odd.root })).toEqual({
      root: odd.root,
      branch: "main",
      headCommit: odd.base,
      baseCommit: odd.base,
      dirtyPaths: 0,
    });
  });

  it("refuses what cannot be planned against, with the reason", async () => {
    const plain = at.path("plain-{n}");
    mkdirSync(plain);
    const empty = at.path("empty-{n}");
    gitIn(at.path("."), ["init", "-q", empty]);
    const bare = at.path("bare-{n}");
    gitIn(at.path("."), ["init", "-q", "--bare", bare]);
    const cases: [object, string][] = [
      [{ path: plain }, "This folder is not in a git repository."],
      [{ path: bare }, "This is a bare repository; give the path of a checkout."],
      [{ path: empty }, "The repository has no commits yet."],
      [{ path: join(at.repository.root, "missing") }, "The path is not an existing folder."],
      [{ path: join(at.repository.root, "a.txt") }, "The path is not an existing folder."],
      [{ path: "a\0b" }, "The path holds a NUL byte."],
      [{ path: at.repository.root, baseRef: "nope" }, 'The repository has no branch, tag or commit named "nope".'],
      [
        { path: at.repository.root, baseRef: "--upload-pack=touch x" },
        'The repository has no branch, tag or commit named "--upload-pack=touch x".',
      ],
      [
        { path: at.repository.root, baseRef: "-h\n`id`" },
        'The repository has no branch, tag or commit named "-h\\n`id`".',
      ],
    ];
    for (const [request, message] of cases) {
      expect(await refusal(at.service.inspect(request as { path: string }))).toMatchObject({
        code: "invalid_input",
        message,
      });
    }
    expect(await refusal(at.service.inspect({ path: bare }))).toMatchObject({
      details: { next: "`git worktree add FOLDER`, then run the command in FOLDER" },
    });
    expect(await refusal(at.service.inspect({ path: join(at.repository.root, ".git") }))).toMatchObject({
      code: "invalid_input",
    });
  });

  it("does not take another folder for the checkout because the configuration says so", async () => {
    at.repository.git("config", "core.worktree", "/");
    expect(await refusal(at.service.inspect({ path: at.repository.root }))).toMatchObject({ code: "invalid_input" });
  });
});

describe("a working tree", () => {
  it("is opened at the commit, not at what is uncommitted, and repeated opening keeps its changes", async () => {
    at.repository.write("a.txt", "uncommitted\n");
    const work = await at.open("w");
    expect(treeDigest(work.root, (path) => path === "a.txt")).toEqual(
      expect.objectContaining({ "a.txt": expect.any(String) }),
    );
    expect(work.read("a.txt")).toBe("one\ntwo\nthree\nfour\nfive\n");
    work.write("a.txt", "mine\n");
    await at.open("w");
    expect(work.read("a.txt")).toBe("mine\n");
  });

  it("holds no git dir and no link to one", async () => {
    const work = await at.open("w");
    expect(Object.keys(treeDigest(work.root)).sort()).toEqual([".gitignore", "a.txt", "b.txt", "dir", "dir/c.txt"]);
  });

  it("refuses names that are no names, an unknown commit and a name of another plan", async () => {
    const request = { workspaceId: id("w"), planId, repositoryPath: at.repository.root, commit: at.repository.base };
    for (const bad of ["../x", ".", "a/b", "", "-x", "x\0"]) {
      expect(await refusal(at.service.open({ ...request, workspaceId: id(bad) }))).toMatchObject({
        code: "invalid_input",
      });
      expect(await refusal(at.service.open({ ...request, planId: bad }))).toMatchObject({
        code: "invalid_input",
      });
    }
    expect(await refusal(at.service.open({ ...request, commit: "0".repeat(40) }))).toMatchObject({ code: "not_found" });
    expect(await refusal(at.service.open({ ...request, commit: "--help" }))).toMatchObject({ code: "not_found" });
    await at.service.open(request);
    expect(await refusal(at.service.open({ ...request, planId: "plan-00000002" }))).toMatchObject({ code: "conflict" });
    expect(await refusal(at.service.snapshot({ workspaceId: id("unknown") }))).toMatchObject({ code: "not_found" });
  });

  it("is snapshot and restored whole; ignored files stay", async () => {
    const work = await at.open("w");
    work.write("a.txt", "changed\n");
    work.write("sub dir/new\nname.txt", "new\n");
    work.write("ignored/cache", "cache\n");
    work.remove("b.txt");
    symlinkSync("a.txt", join(work.root, "link"));
    const snapshot = await at.service.snapshot({ workspaceId: id("w") });
    const kept = treeDigest(work.root);
    work.write("a.txt", "other\n");
    work.write("later.txt", "later\n");
    work.remove("sub dir");
    work.remove("link");
    work.write("link/now-a-folder", "x");
    await at.service.restore({ workspaceId: id("w"), ...snapshot });
    expect(treeDigest(work.root)).toEqual(kept);
    expect(await at.service.snapshot({ workspaceId: id("w") })).toEqual(snapshot);
    expect(await refusal(at.service.restore({ workspaceId: id("w"), tree: "HEAD" }))).toMatchObject({
      code: "not_found",
    });
    expect(await refusal(at.service.restore({ workspaceId: id("w"), tree: "0".repeat(40) }))).toMatchObject({
      code: "not_found",
    });
  });

  it("is compared with its base", async () => {
    const work = await at.open("w");
    work.write("a.txt", "one\n2\nthree\nfour\nfive\n");
    work.write("moved.txt", "c\n");
    work.remove("dir/c.txt");
    work.write("bin", Buffer.from([0, 1, 2]));
    const { files } = await at.service.diff({ workspaceId: id("w") });
    expect(files.map((file) => ({ ...file, patch: "" }))).toEqual([
      { path: "a.txt", status: "modified", additions: 1, deletions: 1, binary: false, patch: "", truncated: false },
      { path: "bin", status: "added", additions: 0, deletions: 0, binary: true, patch: "", truncated: false },
      {
        path: "moved.txt",
        oldPath: "dir/c.txt",
        status: "renamed",
        additions: 0,
        deletions: 0,
        binary: false,
        patch: "",
        truncated: false,
      },
    ]);
    expect(files[0]?.patch).toContain("@@ -1,5 +1,5 @@\n one\n-two\n+2\n three\n");
  });

  it("bounds a diff and says so", async () => {
    const work = await at.open("w");
    work.write("big.txt", "line of text\n".repeat(40_000));
    work.write("one-line.txt", "x".repeat(600_000));
    const { files } = await at.service.diff({ workspaceId: id("w") });
    expect(files.map((file) => [file.path, file.truncated, file.patch.length < 270_000])).toEqual([
      ["big.txt", true, true],
      ["one-line.txt", true, true],
    ]);
  });

  it("goes with its plan, and only with it", async () => {
    await at.open("w");
    await at.service.open({
      workspaceId: id("other"),
      planId: "plan-00000002",
      repositoryPath: at.repository.root,
      commit: at.repository.base,
    });
    await at.service.remove({ planId });
    expect(await refusal(at.service.snapshot({ workspaceId: id("w") }))).toMatchObject({ code: "not_found" });
    await at.service.snapshot({ workspaceId: id("other") });
    await at.service.remove({ planId });
  });
});

describe("commit", () => {
  it("gives the same id for the same tree, message and time, on any runner", async () => {
    const ids = [];
    for (const name of ["w1", "w2"]) {
      const work = await at.open(name);
      work.write("a.txt", "x\n");
      ids.push(await at.commit(name, "Change a\n\nBecause.", { "Plan-Id": planId, "Odd name": "two\nlines" }));
    }
    expect(ids[0]).toEqual(ids[1]);
    expect(await at.commit("w1", "Change a\n\nBecause.", { "Plan-Id": planId, "Odd name": "two\nlines" })).toEqual(
      ids[0],
    );
    const gitDir = at.gitDir();
    expect(gitIn(gitDir, ["--git-dir", gitDir, "log", "-1", "--format=%an|%ae|%at|%ct|%B", ids[0]?.commit ?? ""])).toBe(
      `ossaat|ossaat@localhost|1770091506|1770091506|Change a\n\nBecause.\n\nPlan-Id: ${planId}\nOdd-name: two lines`,
    );
    expect(ids[0]?.files.map((file) => [file.path, file.additions, file.deletions])).toEqual([["a.txt", 1, 5]]);
  });

  it("makes no commit of nothing and refuses a time that is none", async () => {
    await at.open("w");
    expect(await at.commit("w")).toMatchObject({ commit: at.repository.base, files: [] });
    const bad = at.service.commit({ workspaceId: id("w"), message: "x", authoredAt: "yesterday", trailers: {} });
    expect(await refusal(bad)).toMatchObject({ code: "invalid_input" });
  });

  it("is compared with another commit and can be a base", async () => {
    const work = await at.open("w");
    work.write("a.txt", "x\n");
    const made = await at.commit("w");
    const range = { planId, repositoryPath: at.repository.root, from: at.repository.base, to: made.commit };
    expect((await at.service.diffCommits(range)).files).toEqual(made.files);
    expect(await refusal(at.service.diffCommits({ ...range, to: "main" }))).toMatchObject({ code: "not_found" });
    expect((await at.open("next", made.commit)).read("a.txt")).toBe("x\n");
  });
});

describe("merge", () => {
  async function step(
    name: string,
    files: Record<string, string>,
    base = at.repository.base,
  ): Promise<{ stepId: string; head: string }> {
    const work = await at.open(name, base);
    for (const [path, content] of Object.entries(files)) work.write(path, content);
    return { stepId: name, head: (await at.commit(name, `step ${name}`)).commit };
  }
  const merge = (name: string, heads: { stepId: string; head: string }[]) =>
    at.service.merge({ workspaceId: id(name), heads, authoredAt });
  const subjects = (head: string) => {
    const gitDir = at.gitDir();
    return gitIn(gitDir, ["--git-dir", gitDir, "log", "--format=%s", head]).split("\n");
  };

  it("keeps one commit per step in one line, and the tree holds all of them", async () => {
    const one = await step("one", { "a.txt": "ONE\ntwo\nthree\nfour\nfive\n" });
    const two = await step("two", { "a.txt": "one\ntwo\nthree\nfour\nFIVE\n", "two.txt": "2\n" });
    const work = await at.open("m");
    const merged = await merge("m", [one, two]);
    expect(merged).toMatchObject({ status: "merged" });
    if (merged.status !== "merged") return;
    expect(subjects(merged.head)).toEqual(["step two", "step one", "base"]);
    expect([work.read("a.txt"), work.read("two.txt")]).toEqual(["ONE\ntwo\nthree\nfour\nFIVE\n", "2\n"]);
    expect(await at.service.snapshot({ workspaceId: id("m") })).toEqual({ tree: merged.tree });
    expect(await merge("m", [one, two])).toEqual(merged);
    await at.open("m2");
    expect(await merge("m2", [one, two])).toEqual(merged);
  });

  it("passes over a change that is already there, and a head that another one holds", async () => {
    const one = await step("one", { "a.txt": "same\n" });
    const same = await step("same", { "a.txt": "same\n", "more.txt": "m\n" });
    const onTop = await step("top", { "b.txt": "top\n" }, one.head);
    await at.open("m");
    const merged = await merge("m", [one, same, onTop]);
    expect(merged).toMatchObject({ status: "merged" });
    if (merged.status === "merged")
      expect(subjects(merged.head)).toEqual(["step top", "step same", "step one", "base"]);
    await at.open("m3");
    const twice = await merge("m3", [one, await step("one-again", { "a.txt": "same\n" })]);
    if (twice.status === "merged") expect(subjects(twice.head)).toEqual(["step one", "base"]);
  });

  it("stops at a conflict with markers, waits for them to be resolved, and goes on", async () => {
    const one = await step("one", { "a.txt": "ours\n" });
    const two = await step("two", { "a.txt": "theirs\n" });
    const three = await step("three", { "b.txt": "three\n" });
    const work = await at.open("m");
    const conflict = await merge("m", [one, two, three]);
    expect(conflict).toMatchObject({ status: "conflict", files: ["a.txt"], applying: "two" });
    if (conflict.status === "conflict")
      expect(conflict.details).toContain("CONFLICT (content): Merge conflict in a.txt");
    expect(work.read("a.txt")).toMatch(/^<{7} .*merged-so-far\nours\n={7}\ntheirs\n>{7} .*two\n$/u);
    expect(await merge("m", [one, two, three])).toEqual(conflict);
    expect(await refusal(at.service.continueMerge({ workspaceId: id("m"), authoredAt }))).toMatchObject({
      code: "conflict",
      message: "Conflict markers remain in a.txt.",
    });
    work.write("a.txt", "both\n");
    const merged = await at.service.continueMerge({ workspaceId: id("m"), authoredAt });
    expect(merged).toMatchObject({ status: "merged" });
    if (merged.status === "merged")
      expect(subjects(merged.head)).toEqual(["step three", "step two", "step one", "base"]);
    expect([work.read("a.txt"), work.read("b.txt")]).toEqual(["both\n", "three\n"]);
    expect(await at.service.continueMerge({ workspaceId: id("m"), authoredAt })).toEqual(merged);
  });

  it("asked again while a conflict waits, shows all of it again, whatever became of the files", async () => {
    const one = await step("one", { "a.txt": "ours\n", "one.txt": "1\n" });
    const two = await step("two", { "a.txt": "theirs\n", "two.txt": "2\n" });
    const work = await at.open("m");
    const { tree: base } = await at.service.snapshot({ workspaceId: id("m") });
    const conflict = await merge("m", [one, two]);
    const { tree: conflicting } = await at.service.snapshot({ workspaceId: id("m") });
    await at.service.restore({ workspaceId: id("m"), tree: base });
    expect(await merge("m", [one, two])).toEqual(conflict);
    expect(await at.service.snapshot({ workspaceId: id("m") })).toEqual({ tree: conflicting });
    work.write("a.txt", "both\n");
    const merged = await at.service.continueMerge({ workspaceId: id("m"), authoredAt });
    expect(merged).toMatchObject({ status: "merged" });
    expect(["a.txt", "one.txt", "two.txt"].map((file) => work.read(file))).toEqual(["both\n", "1\n", "2\n"]);
  });

  it("reports a deletion against a change, and one file against a folder", async () => {
    const work = await at.open("del");
    work.remove("b.txt");
    const deleted = { stepId: "del", head: (await at.commit("del")).commit };
    const changed = await step("chg", { "b.txt": "changed\n" });
    await at.open("m");
    expect(await merge("m", [deleted, changed])).toMatchObject({ status: "conflict", files: ["b.txt"] });
    const file = await step("file", { thing: "file\n" });
    const folder = await step("folder", { "thing/inside": "folder\n" });
    await at.open("m4");
    expect(await merge("m4", [file, folder])).toMatchObject({ status: "conflict" });
  });

  it("goes on with a commit on top of what was merged", async () => {
    const one = await step("one", { "a.txt": "1\n" });
    const work = await at.open("m");
    await merge("m", [one]);
    work.write("after.txt", "after\n");
    expect(subjects((await at.commit("m", "after")).commit)).toEqual(["after", "step one", "base"]);
  });

  it("refuses commits it does not know and a merge that is not going on", async () => {
    await at.open("m");
    expect(await refusal(merge("m", [{ stepId: "x", head: "0".repeat(40) }]))).toMatchObject({ code: "invalid_input" });
    expect(await refusal(merge("m", [{ stepId: "x", head: "--all" }]))).toMatchObject({ code: "invalid_input" });
    expect(await refusal(at.service.continueMerge({ workspaceId: id("m"), authoredAt }))).toMatchObject({
      code: "conflict",
    });
    const many = Array.from({ length: 65 }, (_unused, index) => ({ stepId: `s${index}`, head: at.repository.base }));
    expect(await refusal(merge("m", many))).toMatchObject({ code: "limit_exceeded" });
  });
});
