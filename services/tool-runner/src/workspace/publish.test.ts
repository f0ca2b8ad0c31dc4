import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { testPlanId as planId } from "../testing/open-runner.ts";
import { treeDigest } from "../testing/tree-digest.ts";
import { refusal, useWorkspaces } from "../testing/use-workspaces.ts";

const at = useWorkspaces();

describe("publish", () => {
  const branch = `ossaat/${planId}`;
  const publish = (commitId: string, name = branch) =>
    at.service.publish({ planId, repositoryPath: at.repository.root, branch: name, commit: commitId });
  const isNew = (path: string) => path.startsWith(".git/objects/") || path.startsWith(".git/refs/heads/ossaat");

  async function made(): Promise<string> {
    const work = await at.open("w");
    work.write("published.txt", "published\n");
    return (await at.commit("w")).commit;
  }

  it("adds objects and one ref, and touches nothing else of the checkout", async () => {
    at.repository.write("a.txt", "being worked on\n");
    at.repository.git("add", "a.txt");
    at.repository.write("untracked.txt", "u\n");
    at.repository.write(".git/hooks/reference-transaction", "#!/bin/sh\ntouch ran\n");
    const head = await made();
    const before = treeDigest(at.repository.root, (path) => !isNew(path));
    const objects = new Set(Object.keys(treeDigest(join(at.repository.root, ".git/objects"))));
    expect(await publish(head)).toEqual({ branch, commit: head });
    expect(treeDigest(at.repository.root, (path) => !isNew(path))).toEqual(before);
    expect(Object.keys(treeDigest(join(at.repository.root, ".git/objects"))).length).toBeGreaterThan(objects.size);
    expect(at.repository.git("show", `${branch}:published.txt`)).toBe("published");
    expect(at.repository.git("log", "--format=%H", branch).split("\n")).toEqual([head, at.repository.base]);
    at.repository.git("fsck", "--strict", "--no-dangling");
    expect(await publish(head)).toEqual({ branch, commit: head });
  });

  it("refuses to move a branch that stands elsewhere", async () => {
    const head = await made();
    at.repository.git("branch", branch, at.repository.base);
    expect(await refusal(publish(head))).toMatchObject({
      code: "conflict",
      details: { branch, commit: at.repository.base, next: `git branch -m ${branch} ${branch}-old` },
    });
    expect(at.repository.git("rev-parse", branch)).toBe(at.repository.base);
    at.repository.git("branch", "taken", at.repository.base);
    expect(await refusal(publish(head, "taken/inside"))).toMatchObject({ code: "conflict" });
  });

  it.each(["-d", "--upload-pack=x", "a b", "a..b", "refs/heads/x", "HEAD", "x\ny", "x~1", "", "a.lock", "/x", "x\0"])(
    "refuses %j as a branch",
    async (name) => {
      expect(await refusal(publish(at.repository.base, name))).toMatchObject({ code: "invalid_input" });
    },
  );

  it("refuses a commit it does not know", async () => {
    await at.open("w");
    expect(await refusal(publish("0".repeat(40)))).toMatchObject({ code: "not_found" });
    expect(await refusal(publish("main"))).toMatchObject({ code: "not_found" });
  });
});

describe("writeRecord", () => {
  const record = (files: { name: string; content: string }[]) =>
    at.service.writeRecord({ planId, repositoryPath: at.repository.root, files });

  it("writes owner-only files that git does not see, and replaces them whole", async () => {
    await record([
      { name: "plan.json", content: "{}" },
      { name: "plan.md", content: "# Plan" },
    ]);
    await record([{ name: "plan.md", content: "# Plan 2" }]);
    const digest = treeDigest(join(at.repository.root, ".plans"));
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
    expect(at.repository.read(`.plans/${planId}/plan.md`)).toBe("# Plan 2");
    expect(at.repository.git("status", "--porcelain")).toBe("");
  });

  it("writes through no link", async () => {
    const outside = at.path("outside-{n}");
    mkdirSync(outside);
    symlinkSync(outside, join(at.repository.root, ".plans"));
    expect(await refusal(record([{ name: "plan.json", content: "{}" }]))).toMatchObject({ code: "invalid_input" });
    rmSync(join(at.repository.root, ".plans"));
    mkdirSync(join(at.repository.root, ".plans"));
    symlinkSync(outside, join(at.repository.root, ".plans", planId));
    expect(await refusal(record([{ name: "plan.json", content: "{}" }]))).toMatchObject({ code: "invalid_input" });
    expect(treeDigest(outside)).toEqual({});
  });

  it("refuses names that are no names", async () => {
    for (const name of ["../x", "a/b", ".hidden", "", "x\0"]) {
      expect(await refusal(record([{ name, content: "" }]))).toMatchObject({ code: "invalid_input" });
    }
    const other = at.service.writeRecord({ planId: "../x", repositoryPath: at.repository.root, files: [] });
    expect(await refusal(other)).toMatchObject({ code: "invalid_input" });
  });
});
