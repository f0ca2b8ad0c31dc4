// What a person does after a run: looks at cost and context, opens the result, takes it back.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

let cli: Cli;
let model: string;
let counter = 0;

const goal = "Let sum in src/sum.js add";

beforeAll(async () => {
  cli = await createCli();
  model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
});

afterAll(() => cli.close());

type Done = { repository: string; plan: Json };

async function finishedRun(): Promise<Done> {
  counter += 1;
  const repository = await makeRepository(path.join(cli.folder, `repository-${counter}`));
  const run = await cli.json(repository, ["run", goal, "--model", model, "--yes"]);
  expect(run.code, run.stderr).toBe(0);
  return { repository, plan: run.value.plan };
}

describe("cost and context", () => {
  let done: Done;

  beforeAll(async () => {
    done = await finishedRun();
  });

  test("cost adds up to what the run says it spent", async () => {
    const { repository, plan } = done;
    const { value } = await cli.json(repository, ["cost", plan.id]);
    const [cost] = value.plans;
    expect(cost.rows.map(({ stepId }: Json) => stepId)).toEqual(["plan.1", "fix", "test", "audit"]);
    expect(value.sum).toMatchObject({
      turns: plan.spend.turns,
      inputTokens: plan.spend.inputTokens,
      outputTokens: plan.spend.outputTokens,
      cachedTokens: null,
      estimatedTokens: 0,
      unknownCostTurns: 0,
    });
    expect(value.sum.costUsd).toBeCloseTo(plan.spend.costUsd, 10);
    const text = (await cli.run(repository, ["cost", plan.id])).stdout;
    expect(text).toMatch(/^ {2}fix +scripted\/script\.json \(scripted\) +3 +3\.0k +unknown +300 +\$0\.0300$/m);
  });

  test("cost lists the plans of a time and of this repository", async () => {
    const { repository, plan } = done;
    const here = await cli.json(repository, ["cost", "--since", "1h"]);
    expect(here.value.plans.map(({ planId }: Json) => planId)).toEqual([plan.id]);
    expect((await cli.json(repository, ["cost", "--since", "2999-01-01"])).value.plans).toEqual([]);
    const bad = await cli.run(repository, ["cost", "--since", "yesterday"]);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining("--since takes 90m, 24h, 7d, 2w or a date")]);
  });

  test("context shows each part of a request, its size and its source", async () => {
    const { repository, plan } = done;
    const { value } = await cli.json(repository, ["context", plan.id, "--step", "fix"]);
    expect(value.turns.map(({ turn }: Json) => turn)).toEqual([1, 2, 3]);
    expect(value.turns[2].parts.map(({ kind, turn }: Json) => [kind, turn])).toEqual([
      ["system", undefined],
      ["context", undefined],
      ["answer", 1],
      ["result", 1],
      ["answer", 2],
      ["result", 2],
    ]);
    const [, first, , result] = value.turns[1].parts;
    expect(first.text).toContain(`# Goal\n${goal}`);
    expect(first.sources).toContainEqual(expect.stringMatching(/^src\/sum\.js:/));
    expect(result.text).toContain("return a - b;");
    const whole = (await cli.run(repository, ["context", plan.id, "--step", "fix", "--turn", "2"])).stdout;
    expect(whole).toContain("why: the bounded start of every step");
    expect(whole).toContain("    |   return a - b;");
    const list = (await cli.run(repository, ["context", plan.id])).stdout;
    expect(list).toMatch(/^fix turn 3 {2}scripted\/script\.json, 1\.0k tokens in$/m);
    expect(list).not.toContain("return a - b;");
  });

  test("context says what the store does not hold, and which turn is not there", async () => {
    const { repository, plan } = done;
    const none = await cli.run(repository, ["context", plan.id, "--step", "fix", "--turn", "9"]);
    expect([none.code, none.stderr]).toEqual([6, expect.stringContaining("No model was asked in step fix as turn 9")]);
    const big = `${"x".repeat(200)}\n`.repeat(2_000);
    const folder = await makeRepository(path.join(cli.folder, "big"), { "src/sum.js": big, "package.json": "{}\n" });
    const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"]);
    rmSync(path.join(cli.stateDir, "artifacts"), { recursive: true });
    const { value } = await cli.json(folder, ["context", run.value.plan.id, "--step", "fix"]);
    const parts = value.turns.flatMap((turn: Json) => turn.parts);
    expect(parts.some(({ kind, text }: Json) => kind !== "system" && text === null)).toBe(true);
  });
});

describe("open", () => {
  test("gives the folder of the branch, the same one each time", async () => {
    const { repository, plan } = await finishedRun();
    const first = await cli.run(repository, ["open", plan.id]);
    expect(first.code, first.stderr).toBe(0);
    const folder = first.stdout.trim();
    expect(readFileSync(path.join(folder, "src/sum.js"), "utf8")).toContain("a + b");
    expect(git(folder, "symbolic-ref", "--short", "HEAD")).toBe(`ossaat/${plan.id}`);
    expect((await cli.run(repository, ["open", "--print"])).stdout.trim()).toBe(folder);
    const away = path.join(cli.folder, `on a disk ${counter}`);
    git(repository, "worktree", "add", "--quiet", "--detach", away);
    renameSync(away, `${away} that is unmounted`);
    rmSync(folder, { recursive: true });
    expect((await cli.run(repository, ["open", plan.id])).stdout.trim()).toBe(folder);
    expect(git(repository, "worktree", "list", "--porcelain")).toContain(`worktree ${away}\n`);
    const undo = await cli.run(repository, ["undo", plan.id, "--yes"]);
    expect(undo.code, undo.stderr).toBe(0);
    expect([existsSync(folder), git(repository, "branch", "--list", "ossaat/*")]).toEqual([false, ""]);
  });

  test("says why when there is nothing to open", async () => {
    counter += 1;
    const repository = await makeRepository(path.join(cli.folder, `repository-${counter}`));
    await cli.run(repository, ["plan", goal, "--model", "none"]);
    const none = await cli.run(repository, ["open"]);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("no branch and no working tree")]);
    const step = await cli.run(repository, ["open", "--step", "nope"]);
    expect([step.code, step.stderr]).toEqual([2, expect.stringContaining('no step "nope"')]);
    const logs = await cli.run(repository, ["logs", "--step", "nope"]);
    expect([logs.code, logs.stderr]).toEqual([
      2,
      expect.stringMatching(/no step "nope": its steps are .+\n.*\nNext: /u),
    ]);
  });
});

describe("undo", () => {
  let repository: string;
  let plan: Json;
  const undo = (...args: string[]) => cli.run(repository, ["undo", plan.id, ...args]);
  const head = () => git(repository, "rev-parse", "HEAD");

  beforeEach(async () => {
    ({ repository, plan } = await finishedRun());
  });

  test("moves the branch back once, and leaves uncommitted changes alone", async () => {
    const before = head();
    await cli.run(repository, ["apply", plan.id]);
    expect(head()).toBe(plan.commit);
    writeFileSync(path.join(repository, "package.json"), "{}\n");
    writeFileSync(path.join(repository, "new.txt"), "mine\n");
    const unasked = await undo();
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    expect(head()).toBe(plan.commit);
    const done = await undo("--yes");
    expect(done.code, done.stderr).toBe(0);
    expect(head()).toBe(before);
    expect(git(repository, "status", "--porcelain")).toBe(" M package.json\n?? new.txt");
    expect(git(repository, "branch", "--list", "ossaat/*")).toContain(plan.id);
    const again = await undo("--yes");
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("It was undone already")]);
    expect((await cli.run(repository, ["apply", plan.id])).code).toBe(0);
    expect((await undo("--yes")).code).toBe(0);
    expect(head()).toBe(before);
  });

  test("touches nothing when a change is in the way, or commits came on top", async () => {
    await cli.run(repository, ["apply", plan.id]);
    writeFileSync(path.join(repository, "src/sum.js"), "mine\n");
    const blocked = await undo("--yes");
    expect([blocked.code, blocked.stderr]).toEqual([1, expect.stringContaining("nothing was changed")]);
    expect([head(), readFileSync(path.join(repository, "src/sum.js"), "utf8")]).toEqual([plan.commit, "mine\n"]);
    git(repository, "commit", "--quiet", "--all", "--message=Mine");
    const mine = head();
    const onTop = await undo("--yes");
    expect([onTop.code, onTop.stderr]).toEqual([1, expect.stringContaining("main has 1 commits on top of the change")]);
    expect(onTop.stderr).toContain("git revert --no-edit");
    expect(head()).toBe(mine);
  });

  test("moves a branch that is not checked out, and one in another checkout", async () => {
    const before = head();
    await cli.run(repository, ["apply", plan.id]);
    git(repository, "switch", "--quiet", "--create", "elsewhere", before);
    expect((await undo("--yes")).code).toBe(0);
    expect([git(repository, "rev-parse", "main"), head()]).toEqual([before, before]);
    git(repository, "switch", "--quiet", "main");
    await cli.run(repository, ["apply", plan.id]);
    git(repository, "switch", "--quiet", "elsewhere");
    const other = path.join(cli.folder, `linked-${counter}`);
    git(repository, "worktree", "add", "--quiet", other, "main");
    expect((await undo("--yes")).code).toBe(0);
    expect([git(other, "rev-parse", "HEAD"), git(other, "status", "--porcelain")]).toEqual([before, ""]);
  });

  test("takes a patch out of the working tree, and only when it fits", async () => {
    await cli.run(repository, ["apply", "--patch", plan.id]);
    expect(git(repository, "status", "--porcelain")).toBe(" M src/sum.js");
    const applied = readFileSync(path.join(repository, "src/sum.js"), "utf8");
    writeFileSync(path.join(repository, "src/sum.js"), "mine\n");
    const blocked = await undo("--yes");
    expect([blocked.code, blocked.stderr]).toEqual([1, expect.stringContaining("nothing was changed")]);
    writeFileSync(path.join(repository, "src/sum.js"), applied);
    expect((await undo("--yes")).code).toBe(0);
    expect(git(repository, "status", "--porcelain")).toBe("");
  });

  test("takes out what apply --patch put in, also after an apply that was refused", async () => {
    expect((await cli.run(repository, ["apply", "--patch", plan.id])).code).toBe(0);
    const refused = await cli.run(repository, ["apply", plan.id]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("is in the working tree of") as string]);
    expect(refused.stderr).toContain(`ossaat undo ${plan.id}`);
    expect(git(repository, "status", "--porcelain")).toBe(" M src/sum.js");
    const done = await undo("--yes");
    expect([done.code, git(repository, "status", "--porcelain")], done.stderr).toEqual([0, ""]);
  });

  test("knows a change whose command was killed while it made it, and one that was never made", async () => {
    const record = path.join(cli.stateDir, "applied", `${plan.id}.json`);
    const spy = path.join(cli.folder, `spy-${counter}.json`);
    git(repository, "config", "filter.spy.smudge", `cp '${record}' '${spy}'; cat`);
    writeFileSync(path.join(repository, ".git/info/attributes"), "src/sum.js filter=spy\n");
    const stateNow = (file: string) => JSON.parse(readFileSync(file, "utf8")).state;
    for (const how of [["--patch"], []]) {
      rmSync(spy, { force: true });
      expect((await cli.run(repository, ["apply", plan.id, ...how])).code).toBe(0);
      expect([stateNow(spy), stateNow(record)]).toEqual(["intent", "done"]);
      writeFileSync(record, readFileSync(spy));
      const done = await undo("--yes");
      expect([done.code, git(repository, "status", "--porcelain")], done.stderr).toEqual([0, ""]);
      expect(head()).toBe(plan.repository.baseCommit);
    }
    writeFileSync(record, readFileSync(spy));
    const unmade = await undo("--yes");
    expect(unmade.code, unmade.stderr).toBe(0);
    expect(git(repository, "branch", "--list", "ossaat/*")).toBe("");
  });

  test("removes the branch of a plan that was never applied, unless it is used", async () => {
    git(repository, "merge", "--quiet", "--ff-only", `ossaat/${plan.id}`);
    const merged = await undo("--yes");
    expect([merged.code, merged.stderr]).toEqual([1, expect.stringContaining("main holds the change")]);
    git(repository, "reset", "--quiet", "--hard", plan.repository.baseCommit);
    const gone = await undo("--yes");
    expect(gone.code, gone.stderr).toBe(0);
    expect(git(repository, "branch", "--list", "ossaat/*")).toBe("");
    const again = await undo("--yes");
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("There is no branch")]);
  });

  test("keeps a branch on which somebody built, or that is checked out", async () => {
    git(repository, "switch", "--quiet", `ossaat/${plan.id}`);
    const out = await undo("--yes");
    expect([out.code, out.stderr]).toEqual([1, expect.stringContaining("is checked out in")]);
    git(repository, "commit", "--quiet", "--allow-empty", "--message=Mine");
    git(repository, "switch", "--quiet", "main");
    const built = await undo("--yes");
    expect([built.code, built.stderr]).toEqual([1, expect.stringContaining("other commits than the run made")]);
  });
});
