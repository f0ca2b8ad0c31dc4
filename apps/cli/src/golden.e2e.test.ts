// The main job from outside: goal, plan, approval, run, branch, evidence, apply.
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterScript, editSum, finish, turns, writeScript } from "./testing/script.ts";

describe("goal to branch", () => {
  let cli: Cli;
  let repository: string;
  let model: string;
  let plan: Json;

  beforeAll(async () => {
    cli = await createCli();
    repository = await makeRepository(path.join(cli.folder, "a repository"));
    model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
    const planned = await cli.json(repository, ["plan", "Let sum in src/sum.js add", "--model", model]);
    expect(planned.code, planned.stderr).toBe(0);
    plan = planned.value.plan;
  });

  afterAll(() => cli.close());

  const file = (name: string) => path.join(repository, ".plans", plan.id, name);

  test("plan proposes and runs nothing", () => {
    expect(plan.status).toBe("awaiting_approval");
    expect(plan.plan.steps.map(({ id }: Json) => id)).toEqual(["fix", "test", "audit"]);
    expect(git(repository, "branch", "--list", "ossaat/*")).toBe("");
  });

  test("plan.json and plan.md are plain, readable and the owner's", () => {
    expect(JSON.parse(readFileSync(file("plan.json"), "utf8"))).toEqual(plan.plan);
    expect(readFileSync(file("plan.md"), "utf8")).toContain("Goal: Let sum in src/sum.js add");
    expect(statSync(file("plan.json")).mode & 0o777).toBe(0o600);
    expect(git(repository, "status", "--porcelain")).toBe("");
  });

  test("approve --watch runs it to a branch and exits 0", async () => {
    const run = await cli.json(repository, ["approve", plan.id, "--watch"]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan).toMatchObject({ status: "succeeded", branch: `ossaat/${plan.id}`, scripted: true });
    expect(git(repository, "show", `ossaat/${plan.id}:src/sum.js`)).toContain("return a + b;");
    expect(git(repository, "log", "--format=%s", `main..ossaat/${plan.id}`)).toBe("Let sum add");
  });

  test("the checkout and the user's branches are as they were", () => {
    expect(git(repository, "symbolic-ref", "HEAD")).toBe("refs/heads/main");
    expect(git(repository, "status", "--porcelain")).toBe("");
    expect(git(repository, "log", "--format=%s", "main")).toBe("First");
  });

  test("the evidence names hashes, approvals, exit codes, costs and the way back", () => {
    const evidence = JSON.parse(readFileSync(file("evidence.json"), "utf8"));
    expect(evidence).toMatchObject({
      planId: plan.id,
      planHash: plan.planHash,
      status: "succeeded",
      rollback: `git branch -D ossaat/${plan.id}`,
    });
    expect(evidence.approvals[0]).toMatchObject({ hash: plan.planHash });
    const tests = evidence.commands.find(({ argv }: Json) => argv.join(" ").includes("test"));
    expect(tests).toMatchObject({ exitCode: 0, logRef: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(readFileSync(file("evidence.md"), "utf8")).toContain("SCRIPTED");
  });

  test("the auditor reads the whole change, what the steps said and when the plan is done", async () => {
    const { events } = (await cli.json(repository, ["logs", plan.id, "--step", "audit"])).value;
    const of = (type: string) => events.filter((event: Json) => event.type === type && event.stepId === "audit");
    const [diff] = of("tool.finished").filter(({ data }: Json) => data.tool === "git_diff");
    expect(diff.data.output.value.text).toContain("-  return a - b;\n+  return a + b;");
    const [context] = of("context.assembled");
    expect(context.data.message.value.text).toContain("Result of fix: Mended.");
    expect(context.data.message.value.text).toContain("`npm test` exits 0.");
  });

  test("diff into a pipe is a patch git takes", async () => {
    const { code, stdout } = await cli.run(repository, ["diff", plan.id]);
    expect(code).toBe(0);
    expect(stdout).toContain("-  return a - b;\n+  return a + b;");
  });

  test("logs, runs and show answer with what happened", async () => {
    const logs = await cli.json(repository, ["logs", plan.id]);
    const seqs = logs.value.events.map(({ seq }: Json) => seq);
    expect(seqs).toEqual(seqs.map((_: number, index: number) => index + 1));
    const runs = await cli.json(repository, ["runs"]);
    expect(runs.value.plans).toMatchObject([{ id: plan.id, status: "succeeded" }]);
    const show = await cli.run(repository, ["show", plan.id.slice(0, 12)]);
    expect(show.stdout).toContain(`Branch    ossaat/${plan.id}`);
  });

  test("a document larger than any pipe's buffer arrives whole", async () => {
    const content = `${"0123456789abcdef".repeat(4)}\n`.repeat(8_000);
    const script = await writeScript(path.join(cli.folder, "large.json"), [
      ...counterFrame,
      ...turns(
        "code-writer",
        "fix",
        { toolCalls: [editSum, call("write_file", { path: "src/sum.js", content: `// ${content}`, overwrite: true })] },
        finish("Large."),
      ),
    ]);
    const run = await cli.json(repository, ["run", "Make it large", "--model", script, "--yes"]);
    const diff = await cli.json(repository, ["diff", run.value.plan.id, "--step", "fix"]);
    expect(diff.stdout.length).toBeGreaterThan(200_000);
    expect(diff.value.files.map(({ path: name }: Json) => name)).toEqual(["src/sum.js"]);
  });

  test("apply fast-forwards the branch, and only then", async () => {
    const applied = await cli.run(repository, ["apply", plan.id]);
    expect(applied.code, applied.stderr).toBe(0);
    expect(git(repository, "log", "--format=%s", "main")).toBe("Let sum add\nFirst");
    expect(existsSync(path.join(repository, "src/sum.js"))).toBe(true);
    expect(readFileSync(path.join(repository, "src/sum.js"), "utf8")).toContain("a + b");
  });
});
