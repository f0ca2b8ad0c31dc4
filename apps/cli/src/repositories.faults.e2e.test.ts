// Repositories of every awkward kind: a run reaches its branch, changes only what it should, runs
// nothing that the repository brings along, and leaves the checkout as it was.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

/** A guard against hangs, not a measure: 100,000 files on a busy disk take minutes. */
const patient = { hangMs: 900_000 };

const goal = "Let sum in src/sum.js add";

let cli: Cli;
let model: string;

beforeAll(async () => {
  cli = await createCli();
  model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
});
afterAll(() => cli.close());

const at = (name: string) => path.join(cli.folder, name);

/** What belongs to the user: branches, index, files on disk as git sees them. */
function checkoutOf(folder: string): string[] {
  return [
    git(folder, "symbolic-ref", "--quiet", "HEAD"),
    git(folder, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/main", "refs/remotes", "refs/tags"),
    git(folder, "status", "--porcelain"),
    git(folder, "ls-files", "--stage", "--debug").replaceAll(/^ {2}(?:ctime|mtime|dev|uid|size).*$/gmu, ""),
  ];
}

/** Runs the goal, checks what everybody may expect, applies the result, and returns the plan. */
async function runAndApply(folder: string): Promise<Json> {
  const before = checkoutOf(folder);
  const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"], patient);
  expect(run.code, run.stderr).toBe(0);
  const { plan } = run.value;
  expect(git(folder, "diff", "--name-only", "main", plan.branch)).toBe("src/sum.js");
  expect(checkoutOf(folder)).toEqual(before);
  const applied = await cli.run(folder, ["apply", plan.id], patient);
  expect(applied.code, applied.stderr).toBe(0);
  expect(readFileSync(path.join(folder, "src/sum.js"), "utf8")).toContain("return a + b;");
  return plan;
}

describe("a repository", () => {
  test("with a submodule: it stays at its commit", async () => {
    const inner = await makeRepository(at("inner"), { "lib.js": "export const x = 1;\n" });
    const folder = await makeRepository(at("with-submodule"));
    git(folder, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner, "vendor/inner");
    git(folder, "commit", "--quiet", "--message=Submodule");
    const plan = await runAndApply(folder);
    expect(git(folder, "ls-tree", plan.branch, "vendor/inner")).toBe(git(folder, "ls-tree", "main~1", "vendor/inner"));
    expect(existsSync(path.join(folder, "vendor/inner/lib.js"))).toBe(true);
  });

  test("with files of Git LFS and no LFS installed: pointers stay pointers", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`;
    const folder = await makeRepository(at("lfs"));
    writeFileSync(path.join(folder, "model.bin"), pointer);
    git(folder, "add", "model.bin");
    writeFileSync(path.join(folder, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    git(folder, "add", ".gitattributes");
    git(folder, "commit", "--quiet", "--message=LFS");
    const plan = await runAndApply(folder);
    expect(git(folder, "show", `${plan.branch}:model.bin`)).toBe(pointer.trimEnd());
  });

  test("with a sparse checkout: what is not checked out is in the result, and stays out of the checkout", async () => {
    const folder = await makeRepository(at("sparse"));
    mkdirSync(path.join(folder, "docs"));
    writeFileSync(path.join(folder, "docs/guide.md"), "# Guide\n");
    git(folder, "add", "--all");
    git(folder, "commit", "--quiet", "--message=Docs");
    git(folder, "sparse-checkout", "set", "src", "test");
    const plan = await runAndApply(folder);
    expect(git(folder, "show", `${plan.branch}:docs/guide.md`)).toBe("# Guide");
    expect(existsSync(path.join(folder, "docs"))).toBe(false);
  });

  test("that is a shallow clone: stays shallow", async () => {
    const origin = await makeRepository(at("deep"));
    for (let n = 0; n < 3; n += 1) git(origin, "commit", "--quiet", "--allow-empty", `--message=${n}`);
    git(at("."), "clone", "--quiet", "--depth=1", `file://${origin}`, "shallow");
    await runAndApply(at("shallow"));
    expect(git(at("shallow"), "rev-parse", "--is-shallow-repository")).toBe("true");
    expect(git(at("shallow"), "rev-list", "--count", "main")).toBe("2");
  });

  test("that is a linked worktree of another one", async () => {
    const first = await makeRepository(at("first"));
    git(first, "checkout", "--quiet", "--detach");
    git(first, "worktree", "add", "--quiet", at("linked"), "main");
    await runAndApply(at("linked"));
    expect(git(first, "status", "--porcelain")).toBe("");
  });

  test("whose hooks, filters and settings run programs: none of them runs", async () => {
    const folder = await makeRepository(at("hostile"));
    const canary = at("canary");
    const bomb = at("bomb.sh");
    writeFileSync(bomb, `#!/bin/sh\necho "$0 $*" >>"${canary}"\ncat\n`);
    chmodSync(bomb, 0o755);
    const hooks = ["pre-commit", "post-commit", "post-checkout", "post-merge", "reference-transaction", "pre-push"];
    for (const hook of [...hooks, "post-index-change", "post-rewrite", "pre-auto-gc"]) {
      writeFileSync(path.join(folder, ".git/hooks", hook), readFileSync(bomb));
      chmodSync(path.join(folder, ".git/hooks", hook), 0o755);
    }
    writeFileSync(path.join(folder, ".gitattributes"), "* filter=bomb diff=bomb merge=bomb\n");
    execFileSync("git", ["-C", folder, "-c", "core.hooksPath=/dev/null", "add", ".gitattributes"]);
    git(folder, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message=Attributes");
    const settings = {
      "core.fsmonitor": bomb,
      "core.pager": bomb,
      "core.editor": bomb,
      "core.sshCommand": bomb,
      "diff.external": bomb,
      "diff.bomb.command": bomb,
      "diff.bomb.textconv": bomb,
      "filter.bomb.clean": bomb,
      "filter.bomb.smudge": bomb,
      "merge.bomb.driver": bomb,
      "gpg.program": bomb,
      "commit.gpgSign": "true",
      "uploadpack.packObjectsHook": bomb,
      "credential.helper": bomb,
    };
    for (const [name, value] of Object.entries(settings)) git(folder, "config", name, value);
    const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"], patient);
    expect(run.code, run.stderr).toBe(0);
    expect((await cli.run(folder, ["diff", run.value.plan.id])).code).toBe(0);
    expect(existsSync(canary) ? readFileSync(canary, "utf8") : "nothing ran").toBe("nothing ran");
    // Planted: the user's own git does run them.
    execFileSync("git", ["-C", folder, "status", "--porcelain"], { stdio: "ignore" });
    expect(readFileSync(canary, "utf8")).toContain(bomb);
  });

  test("with names of every awkward kind", async () => {
    const names = [
      "-rf",
      "--help",
      "a\tb",
      "a\rb",
      'quo"te',
      "back\\slash",
      "back`tick$(id)",
      "*",
      "[x]",
      ":(top)",
      "!not",
      "#hash",
      "~",
      "ünï",
      "u\u0308ni",
      "\u202Etxt.exe",
      "🎉",
      "x".repeat(255),
      " lead",
      "trail ",
      "dot.",
      "CON",
      "...",
      "\u001b[31mred",
      "HEAD",
      "refs",
    ];
    const folder = await makeRepository(at("names"));
    mkdirSync(path.join(folder, "odd"));
    for (const name of names) writeFileSync(path.join(folder, "odd", name), `${name}\n`);
    git(folder, "add", "--all");
    git(folder, "commit", "--quiet", "--message=Names");
    const plan = await runAndApply(folder);
    const listed = git(folder, "ls-tree", "-r", "-z", "--name-only", plan.branch, "odd/").split("\0").filter(Boolean);
    expect(listed.map((name) => name.slice("odd/".length)).toSorted()).toEqual(names.toSorted());
    const shown = await cli.run(folder, ["show", plan.id]);
    expect(shown.stdout).not.toContain("\u001b[31mred");
  });

  test("of 100,000 files", async () => {
    const folder = await makeRepository(at("large"));
    const blob = execFileSync("git", ["-C", folder, "hash-object", "-w", "--stdin"], { input: "export {};\n" });
    const oid = blob.toString().trim();
    const entries = Array.from({ length: 100_000 }, (_, n) => `100644 ${oid}\tlib/${n % 100}/m${n}.js\n`);
    execFileSync("git", ["-C", folder, "update-index", "--add", "--index-info"], { input: entries.join("") });
    git(folder, "commit", "--quiet", "--message=Many");
    execFileSync("git", ["-C", folder, "checkout-index", "--all", "--force"]);
    execFileSync("git", ["-C", folder, "update-index", "-q", "--refresh"]);
    const plan = await runAndApply(folder);
    expect(git(folder, "ls-tree", "-r", "--name-only", plan.branch).split("\n").length).toBe(100_003);
  });
});
