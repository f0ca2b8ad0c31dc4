// Which repository a command acts on, and that `apply` and `undo` do all of it or nothing.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterPlan, editSum, finish, turns, writeScript } from "./testing/script.ts";

let cli: Cli;
let model: string;
let repository: string;
let plan: Json;
let counter = 0;

const goal = "Let sum in src/sum.js add";
/** Larger than what a command may write where its files are limited. */
const big = "x".repeat(4_000);

beforeAll(async () => {
  cli = await createCli();
  const [step] = counterPlan.steps;
  const planned = { ...counterPlan, steps: [{ ...step, files: ["src/sum.js", "src/new/big.js"] }] };
  model = await writeScript(path.join(cli.folder, "script.json"), [
    ...turns("planner", "plan.1", { toolCalls: [call("propose_plan", planned)] }),
    ...counterFrame.slice(1),
    ...turns(
      "code-writer",
      "fix",
      { toolCalls: [editSum] },
      { toolCalls: [call("write_file", { path: "src/new/big.js", content: `export const big = "${big}";\n` })] },
      finish("Mended."),
    ),
  ]);
});

afterAll(() => cli.close());

async function finishedRun(): Promise<void> {
  counter += 1;
  repository = await makeRepository(path.join(cli.folder, `repository-${counter}`));
  const run = await cli.json(repository, ["run", goal, "--model", model, "--yes"]);
  expect(run.code, run.stderr).toBe(0);
  plan = run.value.plan;
}

describe("outside of a repository", () => {
  let outside: string;

  beforeAll(async () => {
    await finishedRun();
    outside = path.join(cli.folder, "outside");
    mkdirSync(outside);
  });

  test.each([
    "apply",
    "undo",
    "cancel",
    "pause",
    "resume",
    "retry",
    "watch",
    "show",
    "diff",
    "logs",
    "runs",
    "cost",
    "open",
  ])("%s without an id takes no plan of another one", async (name) => {
    const result = await cli.run(outside, [name]);
    expect([result.code, result.stdout]).toEqual([2, ""]);
    expect(result.stderr).toContain("This folder is not in a git repository");
    expect(git(repository, "rev-parse", "HEAD")).toBe(plan.repository.baseCommit);
  });

  test("one of another user, which git does not read, is none", async () => {
    const env = { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" };
    const result = await cli.run(repository, ["apply"], { env });
    expect([result.code, result.stderr]).toEqual([2, expect.stringContaining("not in a git repository")]);
    expect(result.stderr).toContain("safe.directory");
  });

  test("an id still works, and what it acted on is named", async () => {
    const all = await cli.json(outside, ["runs", "--all"]);
    expect(all.value.plans.map(({ id }: Json) => id)).toContain(plan.id);
    const apply = await cli.run(outside, ["apply", plan.id]);
    expect([apply.code, apply.stderr]).toEqual([0, expect.stringContaining(`main of ${repository} is at`)]);
    const undo = await cli.run(outside, ["undo", plan.id, "--yes"]);
    expect([undo.code, undo.stderr]).toEqual([0, expect.stringContaining(`main of ${repository} is at`)]);
  });
});

describe("a write that fails half-way", () => {
  /** A git that may write no large file while it does one thing. */
  function limitedGit(words: string): Record<string, string> {
    const folder = path.join(cli.folder, `limited-${counter}`);
    mkdirSync(folder, { recursive: true });
    const real = execFileSync("which", ["git"], { encoding: "utf8" }).trim();
    const limit = `case " $* " in *" ${words} "*) ulimit -c 0; ulimit -f 4 ;; esac`;
    writeFileSync(path.join(folder, "git"), `#!/bin/sh\n${limit}\nexec ${real} "$@"\n`);
    chmodSync(path.join(folder, "git"), 0o755);
    return { PATH: `${folder}:${cli.env["PATH"] ?? ""}` };
  }

  const state = () => ({
    head: git(repository, "rev-parse", "HEAD"),
    status: git(repository, "status", "--porcelain"),
    hasFolder: existsSync(path.join(repository, "src/new")),
    text: readFileSync(path.join(repository, "src/sum.js"), "utf8"),
  });

  beforeEach(finishedRun);

  test("of a patch is taken back", async () => {
    writeFileSync(path.join(repository, "package.json"), "mine\n");
    const before = state();
    const env = limitedGit("apply --whitespace=nowarn -");
    const result = await cli.run(repository, ["apply", "--patch", plan.id], { env });
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining("nothing was changed")]);
    expect(state()).toEqual(before);
    expect((await cli.run(repository, ["apply", "--patch", plan.id])).code).toBe(0);
    expect(state().text).toContain("a + b");
  });

  test("of a fast-forward is taken back", async () => {
    const before = state();
    const result = await cli.run(repository, ["apply", plan.id], { env: limitedGit("merge") });
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining("nothing was changed")]);
    expect(state()).toEqual(before);
  });

  test("after the branch had moved is no failure: nothing is taken back", async () => {
    const hook = path.join(repository, ".git/hooks/post-merge");
    mkdirSync(path.dirname(hook), { recursive: true });
    writeFileSync(hook, "#!/bin/sh\nkill -9 $PPID\n", { mode: 0o755 });
    const result = await cli.run(repository, ["apply", plan.id]);
    expect([result.code, state().head, state().status], result.stderr).toEqual([0, plan.commit, ""]);
    const moved = path.join(path.dirname(hook), "reference-transaction");
    const isMoved = `[ "$1" = committed ] && grep -q refs/heads/main`;
    writeFileSync(moved, `#!/bin/sh\n${isMoved} && kill -9 $PPID\nexit 0\n`, { mode: 0o755 });
    const undo = await cli.run(repository, ["undo", plan.id, "--yes"]);
    const { head, status } = state();
    expect([undo.code, head, status], undo.stderr).toEqual([0, plan.repository.baseCommit, ""]);
  });

  test("because the branch is locked is taken back, forth and back", async () => {
    writeFileSync(path.join(repository, "package.json"), "mine\n");
    git(repository, "add", "package.json");
    const lock = path.join(repository, ".git/refs/heads/main.lock");
    const before = state();
    writeFileSync(lock, "");
    const result = await cli.run(repository, ["apply", plan.id]);
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining("nothing was changed")]);
    expect(state()).toEqual(before);
    rmSync(lock);
    expect((await cli.run(repository, ["apply", plan.id])).code).toBe(0);
    const applied = state();
    expect([applied.head, applied.status]).toEqual([plan.commit, "M  package.json"]);
    writeFileSync(lock, "");
    const undo = await cli.run(repository, ["undo", plan.id, "--yes"]);
    expect([undo.code, undo.stderr]).toEqual([1, expect.stringContaining("nothing was changed")]);
    expect(state()).toEqual(applied);
  });
});
