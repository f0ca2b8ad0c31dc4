// A repository's own configuration is code. None of it may ever run on the host, whoever wrote it:
// the repository's owner or an agent in a working tree.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { WorkspaceId } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, it } from "vitest";

import { openRunner, testPlanId } from "../testing/open-runner.ts";
import type { OpenRunner } from "../testing/open-runner.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";
import { gitIn } from "../testing/user-repository.ts";

const authoredAt = "2026-01-01T00:00:00.000Z";
const hookNames = [
  "post-checkout post-commit post-merge post-rewrite pre-commit prepare-commit-msg commit-msg pre-push",
  "reference-transaction post-index-change update pre-receive post-receive fsmonitor-watchman pre-auto-gc",
].flatMap((names) => names.split(" "));

let dir: TempDir;
let open: OpenRunner;

beforeEach(async () => {
  dir = makeTempDir();
  mkdirSync(dir.at("ran"));
  open = await openRunner({
    "a.txt": "one\n",
    "b.bin": "b\n",
    ".gitattributes": "* filter=evil diff=evil merge=evil text\n",
  });
});
afterEach(async () => {
  await open.close();
  dir.remove();
});

/** Payloads that ran, by name. */
const ran = () => readdirSync(dir.at("ran")).sort();

/** A program that leaves a file named after itself. */
function payload(name: string): string {
  const path = dir.at(`${name}.sh`);
  writeFileSync(path, `#!/bin/sh\ntouch '${dir.at("ran", name)}'\ncat 2>/dev/null\nexit 0\n`);
  chmodSync(path, 0o755);
  return path;
}

function plantConfig(gitDir: string): void {
  const settings: Record<string, string> = {
    "core.fsmonitor": payload("fsmonitor"),
    "core.sshCommand": payload("ssh"),
    "core.pager": payload("pager"),
    "core.editor": payload("editor"),
    "core.askPass": payload("askpass"),
    "core.gitProxy": payload("proxy"),
    "core.alternateRefsCommand": payload("alternates"),
    "core.hooksPath": dir.at("hooks"),
    "diff.external": payload("diff-external"),
    "diff.evil.textconv": payload("textconv"),
    "diff.evil.command": payload("diff-command"),
    "filter.evil.clean": payload("clean"),
    "filter.evil.smudge": payload("smudge"),
    "filter.evil.process": payload("process"),
    "filter.evil.required": "true",
    "merge.evil.driver": `${payload("merge-driver")} %O %A %B`,
    "gpg.program": payload("gpg"),
    "commit.gpgSign": "true",
    "log.showSignature": "true",
    "credential.helper": payload("credential"),
    "alias.status": `!${payload("alias")}`,
    "interactive.diffFilter": payload("diff-filter"),
    "sequence.editor": payload("sequence"),
    "uploadpack.packObjectsHook": payload("pack-hook"),
    "remote.origin.url": `ext::${payload("transport")}`,
    "remote.origin.promisor": "true",
    "remote.origin.vcs": "evil",
    "protocol.ext.allow": "always",
    "submodule.recurse": "true",
    "include.path": dir.at("included"),
  };
  writeFileSync(dir.at("included"), `[core]\n\tpager = ${payload("included-pager")}\n`);
  const config = Object.entries(settings).map(([key, value]) => {
    const [section = "", ...rest] = key.split(".");
    const name = rest.pop() ?? "";
    const header = rest.length === 0 ? `[${section}]` : `[${section} "${rest.join(".")}"]`;
    return `${header}\n\t${name} = ${JSON.stringify(value)}\n`;
  });
  mkdirSync(join(gitDir, "hooks"), { recursive: true });
  writeFileSync(join(gitDir, "config"), `[core]\n\trepositoryformatversion = 0\n\tbare = false\n${config.join("")}`);
  for (const folder of [dir.at("hooks"), join(gitDir, "hooks")]) {
    mkdirSync(folder, { recursive: true });
    for (const name of hookNames) {
      writeFileSync(join(folder, name), `#!/bin/sh\ntouch '${dir.at("ran", `hook-${name}`)}'\n`);
      chmodSync(join(folder, name), 0o755);
    }
  }
}

/** Everything the runner does with git, once. */
async function wholeLife(): Promise<void> {
  const { workspaces } = open.runner;
  const { root, base } = open.repository;
  const planId = testPlanId;
  const id = (name: string) => name as WorkspaceId;
  await workspaces.inspect({ path: root });
  const heads = [];
  for (const [name, content] of [
    ["s1", "ours\n"],
    ["s2", "theirs\n"],
  ] as const) {
    await workspaces.open({ workspaceId: id(name), planId, repositoryPath: root, commit: base });
    const workspaceId = id(name);
    for (const [tool, input] of [
      ["list_files", {}],
      ["write_file", { path: "a.txt", content, overwrite: true }],
      ["git_status", {}],
      ["git_diff", {}],
      ["git_log", {}],
      ["search_text", { pattern: "o" }],
      ["run_command", { argv: ["true"] }],
    ] as const) {
      expect(await open.call(tool, input, { workspaceId })).toMatchObject({ state: "completed" });
    }
    const { tree } = await workspaces.snapshot({ workspaceId });
    await workspaces.restore({ workspaceId, tree });
    await workspaces.diff({ workspaceId });
    const { commit } = await workspaces.commit({ workspaceId, message: name, authoredAt, trailers: {} });
    heads.push({ stepId: name, head: commit });
  }
  await workspaces.open({ workspaceId: id("m"), planId, repositoryPath: root, commit: base });
  expect(await workspaces.merge({ workspaceId: id("m"), heads, authoredAt })).toMatchObject({ status: "conflict" });
  await open.call("write_file", { path: "a.txt", content: "both\n", overwrite: true }, { workspaceId: id("m") });
  const merged = await workspaces.continueMerge({ workspaceId: id("m"), authoredAt });
  const commit = merged.status === "merged" ? merged.head : "";
  await workspaces.diffCommits({ planId, repositoryPath: root, from: base, to: commit });
  await workspaces.publish({ planId, repositoryPath: root, branch: "ossaat/x", commit });
  await workspaces.writeRecord({ planId, repositoryPath: root, files: [{ name: "plan.md", content: "x" }] });
  await workspaces.remove({ planId });
}

it("plants payloads that plain git does run", () => {
  plantConfig(join(open.repository.root, ".git"));
  open.repository.write("a.txt", "changed\n");
  for (const args of [
    ["status"],
    ["diff"],
    ["add", "-A"],
    ["log", "-p", "-1"],
    ["update-ref", "refs/heads/y", "HEAD"],
  ]) {
    try {
      gitIn(open.repository.root, args);
    } catch (error) {
      // Some payloads make plain git fail; that they ran is what counts.
      expect(error).toBeInstanceOf(Error);
    }
  }
  expect(ran()).toEqual(expect.arrayContaining(["fsmonitor", "hook-reference-transaction", "process"]));
});

it("runs nothing of the user's repository", async () => {
  plantConfig(join(open.repository.root, ".git"));
  open.repository.write("a.txt", "dirty\n");
  await wholeLife();
  expect(ran()).toEqual([]);
});

it("runs nothing of what an agent planted in its working tree", async () => {
  plantConfig(join(open.tree, ".git"));
  plantConfig(join(open.tree, "nested/.git"));
  writeFileSync(join(open.tree, "nested/.git/HEAD"), "ref: refs/heads/main\n");
  for (const folder of ["objects", "refs"]) mkdirSync(join(open.tree, "nested/.git", folder));
  writeFileSync(join(open.tree, "nested/file"), "x\n");
  writeFileSync(
    join(open.tree, ".gitmodules"),
    `[submodule "x"]\n\tpath = x\n\turl = ext::${payload("submodule")}\n\tupdate = !${payload("update")}\n`,
  );
  mkdirSync(join(open.tree, "bare.git/refs"), { recursive: true });
  mkdirSync(join(open.tree, "bare.git/objects"));
  writeFileSync(join(open.tree, "bare.git/HEAD"), "ref: refs/heads/main\n");
  plantConfig(join(open.tree, "bare.git"));
  for (const tool of ["git_status", "git_diff", "git_log", "list_files"] as const) {
    expect(await open.call(tool, {})).toMatchObject({ state: "completed" });
  }
  expect(await open.call("run_command", { argv: ["true"] })).toMatchObject({ state: "completed" });
  const { workspaces } = open.runner;
  const made = await workspaces.commit({
    workspaceId: "work-1" as WorkspaceId,
    message: "x",
    authoredAt,
    trailers: {},
  });
  expect(made.files.map((file) => file.path)).toContain("nested/file");
  expect(made.files.map((file) => file.path).filter((path) => /(?:^|\/)\.git\//u.test(path))).toEqual([]);
  await wholeLife();
  expect(ran()).toEqual([]);
});
