import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { WorkspaceId, WorkspaceService } from "@ossaat/contracts";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";

import { createToolRunner } from "../create-tool-runner.ts";
import { testHost } from "../testing/host.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { treeDigest } from "../testing/tree-digest.ts";
import { gitIn, makeUserRepository } from "../testing/user-repository.ts";
import type { UserRepositoryFixture } from "../testing/user-repository.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

const planId = "plan-00000000-0000-4000-8000-000000000001";
const authoredAt = "2026-02-03T04:05:06.789Z";
const id = (name: string) => name as WorkspaceId;
let count = 0;
let stateDir = "";
let repository: UserRepositoryFixture;
let service: WorkspaceService;
let close: () => Promise<void>;

beforeEach(() => {
  count += 1;
  stateDir = dir.at(`state-${count}`);
  repository = makeUserRepository(dir.at(`user ${count}`), {
    "a.txt": "one\ntwo\nthree\nfour\nfive\n",
    "b.txt": "b\n",
    "dir/c.txt": "c\n",
    ".gitignore": "ignored/\n",
  });
  const runner = createToolRunner({ stateDir, sandbox: "none", host: testHost });
  service = runner.workspaces;
  close = () => runner.close();
});
afterEach(() => close());

const tree = (workspaceId: string) => makeTree(join(stateDir, "workspaces", planId, workspaceId));

function makeTree(root: string) {
  return {
    root,
    write: (path: string, content: string | Buffer) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    },
    read: (path: string) => readFileSync(join(root, path), "utf8"),
    remove: (path: string) => rmSync(join(root, path), { recursive: true }),
  };
}

async function open(name: string, commit = repository.base) {
  await service.open({ workspaceId: id(name), planId, repositoryPath: repository.root, commit });
  return tree(name);
}

const commit = (name: string, message = "step", trailers: Record<string, string> = {}) =>
  service.commit({ workspaceId: id(name), message, authoredAt, trailers });

async function refusal(work: Promise<unknown>): Promise<unknown> {
  const thrown = await work.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AgentError);
  return thrown;
}

describe("inspect", () => {
  it("tells branch, commits and what is uncommitted, from any folder, and changes nothing", async () => {
    repository.write("a.txt", "changed\n");
    repository.write("new.txt", "untracked\n");
    repository.write("ignored/x", "ignored\n");
    const before = treeDigest(repository.root);
    const info = { root: repository.root, branch: "main", headCommit: repository.base, baseCommit: repository.base };
    expect(await service.inspect({ path: repository.root })).toEqual({ ...info, dirtyPaths: 2 });
    expect(await service.inspect({ path: join(repository.root, "dir") })).toEqual({ ...info, dirtyPaths: 2 });
    expect(treeDigest(repository.root)).toEqual(before);
  });

  it("resolves a base by branch, tag, short id and ancestry", async () => {
    repository.git("tag", "v1");
    repository.write("b.txt", "b2\n");
    const head = repository.commit("second");
    for (const baseRef of ["v1", "HEAD~1", repository.base.slice(0, 10)]) {
      expect(await service.inspect({ path: repository.root, baseRef })).toMatchObject({
        headCommit: head,
        baseCommit: repository.base,
        dirtyPaths: 0,
      });
    }
  });

  it("knows a detached head, a linked checkout and a shallow clone", async () => {
    repository.git("checkout", "-q", "--detach");
    expect(await service.inspect({ path: repository.root })).not.toHaveProperty("branch");
    const linked = dir.at(`linked ${count}`);
    repository.git("worktree", "add", "-q", "-b", "side", linked);
    expect(await service.inspect({ path: linked })).toMatchObject({ root: linked, branch: "side", dirtyPaths: 0 });
    const shallow = dir.at(`shallow-${count}`);
    repository.git("clone", "-q", "--depth", "1", `file://${repository.root}`, shallow);
    expect(await service.inspect({ path: shallow })).toMatchObject({ headCommit: repository.base, dirtyPaths: 0 });
  });

  it("works where paths hold spaces and line breaks", async () => {
    const odd = makeUserRepository(dir.at(`odd\n "name" ${count}`), { "x y\nz.txt": "odd\n" });
    expect(await service.inspect({ path: odd.root })).toEqual({
      root: odd.root,
      branch: "main",
      headCommit: odd.base,
      baseCommit: odd.base,
      dirtyPaths: 0,
    });
  });

  it("refuses what cannot be planned against, with the reason", async () => {
    const plain = dir.at(`plain-${count}`);
    mkdirSync(plain);
    const empty = dir.at(`empty-${count}`);
    gitIn(dir.path, ["init", "-q", empty]);
    const bare = dir.at(`bare-${count}`);
    gitIn(dir.path, ["init", "-q", "--bare", bare]);
    const cases: [object, string][] = [
      [{ path: plain }, "This folder is not in a git repository."],
      [{ path: bare }, "This is a bare repository; give the path of a checkout."],
      [{ path: empty }, "The repository has no commits yet."],
      [{ path: join(repository.root, "missing") }, "The path is not an existing folder."],
      [{ path: join(repository.root, "a.txt") }, "The path is not an existing folder."],
      [{ path: "a\0b" }, "The path holds a NUL byte."],
      [{ path: repository.root, baseRef: "nope" }, 'The repository has no branch, tag or commit named "nope".'],
      [
        { path: repository.root, baseRef: "--upload-pack=touch x" },
        'The repository has no branch, tag or commit named "--upload-pack=touch x".',
      ],
      [
        { path: repository.root, baseRef: "-h\n`id`" },
        'The repository has no branch, tag or commit named "-h\\n`id`".',
      ],
    ];
    for (const [request, message] of cases) {
      expect(await refusal(service.inspect(request as { path: string }))).toMatchObject({
        code: "invalid_input",
        message,
      });
    }
    expect(await refusal(service.inspect({ path: join(repository.root, ".git") }))).toMatchObject({
      code: "invalid_input",
    });
  });

  it("does not take another folder for the checkout because the configuration says so", async () => {
    repository.git("config", "core.worktree", "/");
    expect(await refusal(service.inspect({ path: repository.root }))).toMatchObject({ code: "invalid_input" });
  });
});

describe("a working tree", () => {
  it("is opened at the commit, not at what is uncommitted, and repeated opening keeps its changes", async () => {
    repository.write("a.txt", "uncommitted\n");
    const work = await open("w");
    expect(treeDigest(work.root, (path) => path === "a.txt")).toEqual(
      expect.objectContaining({ "a.txt": expect.any(String) }),
    );
    expect(work.read("a.txt")).toBe("one\ntwo\nthree\nfour\nfive\n");
    work.write("a.txt", "mine\n");
    await open("w");
    expect(work.read("a.txt")).toBe("mine\n");
  });

  it("holds no git dir and no link to one", async () => {
    const work = await open("w");
    expect(Object.keys(treeDigest(work.root)).sort()).toEqual([".gitignore", "a.txt", "b.txt", "dir", "dir/c.txt"]);
  });

  it("refuses names that are no names, an unknown commit and a name of another plan", async () => {
    const request = { workspaceId: id("w"), planId, repositoryPath: repository.root, commit: repository.base };
    for (const bad of ["../x", ".", "a/b", "", "-x", "x\0"]) {
      expect(await refusal((async () => service.open({ ...request, workspaceId: id(bad) }))())).toMatchObject({
        code: "invalid_input",
      });
      expect(await refusal((async () => service.open({ ...request, planId: bad }))())).toMatchObject({
        code: "invalid_input",
      });
    }
    expect(await refusal(service.open({ ...request, commit: "0".repeat(40) }))).toMatchObject({ code: "not_found" });
    expect(await refusal(service.open({ ...request, commit: "--help" }))).toMatchObject({ code: "not_found" });
    await service.open(request);
    expect(await refusal(service.open({ ...request, planId: "plan-00000002" }))).toMatchObject({ code: "conflict" });
    expect(await refusal(service.snapshot({ workspaceId: id("unknown") }))).toMatchObject({ code: "not_found" });
  });

  it("is snapshot and restored whole; ignored files stay", async () => {
    const work = await open("w");
    work.write("a.txt", "changed\n");
    work.write("sub dir/new\nname.txt", "new\n");
    work.write("ignored/cache", "cache\n");
    work.remove("b.txt");
    symlinkSync("a.txt", join(work.root, "link"));
    const snapshot = await service.snapshot({ workspaceId: id("w") });
    const kept = treeDigest(work.root);
    work.write("a.txt", "other\n");
    work.write("later.txt", "later\n");
    work.remove("sub dir");
    work.remove("link");
    work.write("link/now-a-folder", "x");
    await service.restore({ workspaceId: id("w"), ...snapshot });
    expect(treeDigest(work.root)).toEqual(kept);
    expect(await service.snapshot({ workspaceId: id("w") })).toEqual(snapshot);
    expect(await refusal(service.restore({ workspaceId: id("w"), tree: "HEAD" }))).toMatchObject({ code: "not_found" });
    expect(await refusal(service.restore({ workspaceId: id("w"), tree: "0".repeat(40) }))).toMatchObject({
      code: "not_found",
    });
  });

  it("is compared with its base", async () => {
    const work = await open("w");
    work.write("a.txt", "one\n2\nthree\nfour\nfive\n");
    work.write("moved.txt", "c\n");
    work.remove("dir/c.txt");
    work.write("bin", Buffer.from([0, 1, 2]));
    const { files } = await service.diff({ workspaceId: id("w") });
    expect(files.map(({ patch, ...rest }) => rest)).toEqual([
      { path: "a.txt", status: "modified", additions: 1, deletions: 1, binary: false, truncated: false },
      { path: "bin", status: "added", additions: 0, deletions: 0, binary: true, truncated: false },
      {
        path: "moved.txt",
        oldPath: "dir/c.txt",
        status: "renamed",
        additions: 0,
        deletions: 0,
        binary: false,
        truncated: false,
      },
    ]);
    expect(files[0]?.patch).toContain("@@ -1,5 +1,5 @@\n one\n-two\n+2\n three\n");
  });

  it("bounds a diff and says so", async () => {
    const work = await open("w");
    work.write("big.txt", "line of text\n".repeat(40_000));
    work.write("one-line.txt", "x".repeat(600_000));
    const { files } = await service.diff({ workspaceId: id("w") });
    expect(files.map((file) => [file.path, file.truncated, file.patch.length < 270_000])).toEqual([
      ["big.txt", true, true],
      ["one-line.txt", true, true],
    ]);
  });

  it("goes with its plan, and only with it", async () => {
    await open("w");
    await service.open({
      workspaceId: id("other"),
      planId: "plan-00000002",
      repositoryPath: repository.root,
      commit: repository.base,
    });
    await service.remove({ planId });
    expect(await refusal(service.snapshot({ workspaceId: id("w") }))).toMatchObject({ code: "not_found" });
    await service.snapshot({ workspaceId: id("other") });
    await service.remove({ planId });
  });
});

describe("commit", () => {
  it("gives the same id for the same tree, message and time, on any runner", async () => {
    const ids = [];
    for (const name of ["w1", "w2"]) {
      const work = await open(name);
      work.write("a.txt", "x\n");
      ids.push(await commit(name, "Change a\n\nBecause.", { "Plan-Id": planId, "Odd name": "two\nlines" }));
    }
    expect(ids[0]).toEqual(ids[1]);
    expect(await commit("w1", "Change a\n\nBecause.", { "Plan-Id": planId, "Odd name": "two\nlines" })).toEqual(ids[0]);
    const gitDir = bareOf();
    expect(gitIn(gitDir, ["--git-dir", gitDir, "log", "-1", "--format=%an|%ae|%aI|%cI|%B", ids[0]?.commit ?? ""])).toBe(
      `ossaat|ossaat@localhost|2026-02-03T04:05:06+00:00|2026-02-03T04:05:06+00:00|Change a\n\nBecause.\n\nPlan-Id: ${planId}\nOdd-name: two lines`,
    );
    expect(ids[0]?.files.map((file) => [file.path, file.additions, file.deletions])).toEqual([["a.txt", 1, 5]]);
  });

  it("makes no commit of nothing and refuses a time that is none", async () => {
    await open("w");
    expect(await commit("w")).toMatchObject({ commit: repository.base, files: [] });
    const bad = service.commit({ workspaceId: id("w"), message: "x", authoredAt: "yesterday", trailers: {} });
    expect(await refusal(bad)).toMatchObject({ code: "invalid_input" });
  });

  it("is compared with another commit and can be a base", async () => {
    const work = await open("w");
    work.write("a.txt", "x\n");
    const made = await commit("w");
    const range = { planId, repositoryPath: repository.root, from: repository.base, to: made.commit };
    expect((await service.diffCommits(range)).files).toEqual(made.files);
    expect(await refusal(service.diffCommits({ ...range, to: "main" }))).toMatchObject({ code: "not_found" });
    expect((await open("next", made.commit)).read("a.txt")).toBe("x\n");
  });
});

describe("merge", () => {
  async function step(
    name: string,
    files: Record<string, string>,
    base = repository.base,
  ): Promise<{ stepId: string; head: string }> {
    const work = await open(name, base);
    for (const [path, content] of Object.entries(files)) work.write(path, content);
    return { stepId: name, head: (await commit(name, `step ${name}`)).commit };
  }
  const merge = (name: string, heads: { stepId: string; head: string }[]) =>
    service.merge({ workspaceId: id(name), heads, authoredAt });
  const subjects = (head: string) => {
    const gitDir = bareOf();
    return gitIn(gitDir, ["--git-dir", gitDir, "log", "--format=%s", head]).split("\n");
  };

  it("keeps one commit per step in one line, and the tree holds all of them", async () => {
    const one = await step("one", { "a.txt": "ONE\ntwo\nthree\nfour\nfive\n" });
    const two = await step("two", { "a.txt": "one\ntwo\nthree\nfour\nFIVE\n", "two.txt": "2\n" });
    const work = await open("m");
    const merged = await merge("m", [one, two]);
    expect(merged).toMatchObject({ status: "merged" });
    if (merged.status !== "merged") return;
    expect(subjects(merged.head)).toEqual(["step two", "step one", "base"]);
    expect([work.read("a.txt"), work.read("two.txt")]).toEqual(["ONE\ntwo\nthree\nfour\nFIVE\n", "2\n"]);
    expect(await service.snapshot({ workspaceId: id("m") })).toEqual({ tree: merged.tree });
    expect(await merge("m", [one, two])).toEqual(merged);
    await open("m2");
    expect(await merge("m2", [one, two])).toEqual(merged);
  });

  it("passes over a change that is already there, and a head that another one holds", async () => {
    const one = await step("one", { "a.txt": "same\n" });
    const same = await step("same", { "a.txt": "same\n", "more.txt": "m\n" });
    const onTop = await step("top", { "b.txt": "top\n" }, one.head);
    await open("m");
    const merged = await merge("m", [one, same, onTop]);
    expect(merged).toMatchObject({ status: "merged" });
    if (merged.status === "merged")
      expect(subjects(merged.head)).toEqual(["step top", "step same", "step one", "base"]);
    await open("m3");
    const twice = await merge("m3", [one, await step("one-again", { "a.txt": "same\n" })]);
    if (twice.status === "merged") expect(subjects(twice.head)).toEqual(["step one", "base"]);
  });

  it("stops at a conflict with markers, waits for them to be resolved, and goes on", async () => {
    const one = await step("one", { "a.txt": "ours\n" });
    const two = await step("two", { "a.txt": "theirs\n" });
    const three = await step("three", { "b.txt": "three\n" });
    const work = await open("m");
    const conflict = await merge("m", [one, two, three]);
    expect(conflict).toMatchObject({ status: "conflict", files: ["a.txt"], applying: "two" });
    if (conflict.status === "conflict")
      expect(conflict.details).toContain("CONFLICT (content): Merge conflict in a.txt");
    expect(work.read("a.txt")).toMatch(/^<{7} .*merged-so-far\nours\n={7}\ntheirs\n>{7} .*two\n$/u);
    expect(await merge("m", [one, two, three])).toEqual(conflict);
    expect(await refusal(service.continueMerge({ workspaceId: id("m"), authoredAt }))).toMatchObject({
      code: "conflict",
      message: "Conflict markers remain in a.txt.",
    });
    work.write("a.txt", "both\n");
    const merged = await service.continueMerge({ workspaceId: id("m"), authoredAt });
    expect(merged).toMatchObject({ status: "merged" });
    if (merged.status === "merged")
      expect(subjects(merged.head)).toEqual(["step three", "step two", "step one", "base"]);
    expect([work.read("a.txt"), work.read("b.txt")]).toEqual(["both\n", "three\n"]);
    expect(await service.continueMerge({ workspaceId: id("m"), authoredAt })).toEqual(merged);
  });

  it("reports a deletion against a change, and one file against a folder", async () => {
    const work = await open("del");
    work.remove("b.txt");
    const deleted = { stepId: "del", head: (await commit("del")).commit };
    const changed = await step("chg", { "b.txt": "changed\n" });
    await open("m");
    expect(await merge("m", [deleted, changed])).toMatchObject({ status: "conflict", files: ["b.txt"] });
    const file = await step("file", { thing: "file\n" });
    const folder = await step("folder", { "thing/inside": "folder\n" });
    await open("m4");
    expect(await merge("m4", [file, folder])).toMatchObject({ status: "conflict" });
  });

  it("goes on with a commit on top of what was merged", async () => {
    const one = await step("one", { "a.txt": "1\n" });
    const work = await open("m");
    await merge("m", [one]);
    work.write("after.txt", "after\n");
    expect(subjects((await commit("m", "after")).commit)).toEqual(["after", "step one", "base"]);
  });

  it("refuses commits it does not know and a merge that is not going on", async () => {
    await open("m");
    expect(await refusal(merge("m", [{ stepId: "x", head: "0".repeat(40) }]))).toMatchObject({ code: "invalid_input" });
    expect(await refusal(merge("m", [{ stepId: "x", head: "--all" }]))).toMatchObject({ code: "invalid_input" });
    expect(await refusal(service.continueMerge({ workspaceId: id("m"), authoredAt }))).toMatchObject({
      code: "conflict",
    });
    const many = Array.from({ length: 65 }, (_unused, index) => ({ stepId: `s${index}`, head: repository.base }));
    expect(await refusal(merge("m", many))).toMatchObject({ code: "limit_exceeded" });
  });
});

describe("publish", () => {
  const branch = `ossaat/${planId}`;
  const publish = (commitId: string, name = branch) =>
    service.publish({ planId, repositoryPath: repository.root, branch: name, commit: commitId });
  const isNew = (path: string) => path.startsWith(".git/objects/") || path.startsWith(".git/refs/heads/ossaat");

  async function made(): Promise<string> {
    const work = await open("w");
    work.write("published.txt", "published\n");
    return (await commit("w")).commit;
  }

  it("adds objects and one ref, and touches nothing else of the checkout", async () => {
    repository.write("a.txt", "being worked on\n");
    repository.git("add", "a.txt");
    repository.write("untracked.txt", "u\n");
    repository.write(".git/hooks/reference-transaction", "#!/bin/sh\ntouch ran\n");
    const head = await made();
    const before = treeDigest(repository.root, (path) => !isNew(path));
    const objects = new Set(Object.keys(treeDigest(join(repository.root, ".git/objects"))));
    expect(await publish(head)).toEqual({ branch, commit: head });
    expect(treeDigest(repository.root, (path) => !isNew(path))).toEqual(before);
    expect(Object.keys(treeDigest(join(repository.root, ".git/objects"))).length).toBeGreaterThan(objects.size);
    expect(repository.git("show", `${branch}:published.txt`)).toBe("published");
    expect(repository.git("log", "--format=%H", branch).split("\n")).toEqual([head, repository.base]);
    repository.git("fsck", "--strict", "--no-dangling");
    expect(await publish(head)).toEqual({ branch, commit: head });
  });

  it("refuses to move a branch that stands elsewhere", async () => {
    const head = await made();
    repository.git("branch", branch, repository.base);
    expect(await refusal(publish(head))).toMatchObject({
      code: "conflict",
      details: { branch, commit: repository.base, next: `git branch -m ${branch} ${branch}-old` },
    });
    expect(repository.git("rev-parse", branch)).toBe(repository.base);
    repository.git("branch", "taken", repository.base);
    expect(await refusal(publish(head, "taken/inside"))).toMatchObject({ code: "conflict" });
  });

  it.each(["-d", "--upload-pack=x", "a b", "a..b", "refs/heads/x", "HEAD", "x\ny", "x~1", "", "a.lock", "/x", "x\0"])(
    "refuses %j as a branch",
    async (name) => {
      expect(await refusal(publish(repository.base, name))).toMatchObject({ code: "invalid_input" });
    },
  );

  it("refuses a commit it does not know", async () => {
    await open("w");
    expect(await refusal(publish("0".repeat(40)))).toMatchObject({ code: "not_found" });
    expect(await refusal(publish("main"))).toMatchObject({ code: "not_found" });
  });
});

describe("writeRecord", () => {
  const record = (files: { name: string; content: string }[]) =>
    service.writeRecord({ planId, repositoryPath: repository.root, files });

  it("writes owner-only files that git does not see, and replaces them whole", async () => {
    await record([
      { name: "plan.json", content: "{}" },
      { name: "plan.md", content: "# Plan" },
    ]);
    await record([{ name: "plan.md", content: "# Plan 2" }]);
    const digest = treeDigest(join(repository.root, ".plans"));
    expect(
      Object.entries(digest).map(([path, value]) => [
        path,
        value
          .split(" ")
          .slice(0, value.startsWith("folder") ? 2 : 1)
          .join(" "),
      ]),
    ).toEqual(
      expect.arrayContaining([
        [".gitignore", "600"],
        [planId, "folder 700"],
        [`${planId}/plan.json`, "600"],
        [`${planId}/plan.md`, "600"],
      ]),
    );
    expect(Object.keys(digest)).toHaveLength(4);
    expect(repository.read(`.plans/${planId}/plan.md`)).toBe("# Plan 2");
    expect(repository.git("status", "--porcelain")).toBe("");
  });

  it("writes through no link", async () => {
    const outside = dir.at(`outside-${count}`);
    mkdirSync(outside);
    symlinkSync(outside, join(repository.root, ".plans"));
    expect(await refusal(record([{ name: "plan.json", content: "{}" }]))).toMatchObject({ code: "invalid_input" });
    rmSync(join(repository.root, ".plans"));
    mkdirSync(join(repository.root, ".plans"));
    symlinkSync(outside, join(repository.root, ".plans", planId));
    expect(await refusal(record([{ name: "plan.json", content: "{}" }]))).toMatchObject({ code: "invalid_input" });
    expect(treeDigest(outside)).toEqual({});
  });

  it("refuses names that are no names", async () => {
    for (const name of ["../x", "a/b", ".hidden", "", "x\0"]) {
      expect(await refusal(record([{ name, content: "" }]))).toMatchObject({ code: "invalid_input" });
    }
    const other = service.writeRecord({ planId: "../x", repositoryPath: repository.root, files: [] });
    expect(await refusal(other)).toMatchObject({ code: "invalid_input" });
  });
});

/** The runner's own git dir of the repository. */
function bareOf(): string {
  const [name = ""] = readdirSync(join(stateDir, "repositories"));
  return join(stateDir, "repositories", name);
}
