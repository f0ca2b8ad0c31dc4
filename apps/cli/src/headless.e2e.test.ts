// Without a terminal: nothing asks, nothing hangs, and every way to end has its exit code.
import { readFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { counterFiles, git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterScript, editSum, finish, turns, writeScript } from "./testing/script.ts";

let cli: Cli;
let repository: string;
let model: string;
/** Its writer asks for a command outside the envelope, then mends the defect without it. */
let asking: string;

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
  asking = await writeScript(path.join(cli.folder, "asking.json"), [
    ...counterFrame,
    ...turns(
      "code-writer",
      "fix",
      { toolCalls: [call("run_command", { argv: ["node", "--version"] })] },
      { toolCalls: [editSum] },
      finish("Mended."),
    ),
  ]);
});

afterAll(() => cli.close());

const goal = "Let sum in src/sum.js add";

describe("ossaat run", () => {
  test("parks the proposed plan with 9 when nobody approves it", async () => {
    const run = await cli.json(repository, ["run", goal, "--model", model]);
    expect(run.code, run.stderr).toBe(9);
    expect(run.value).toMatchObject({ schemaVersion: 1, exitCode: 9, plan: { status: "awaiting_approval" } });
    expect(run.stderr).toContain(`ossaat approve ${run.value.plan.id}`);
  });

  test("rejects it with 5 under --on-approval=deny", async () => {
    const run = await cli.json(repository, ["run", goal, "--model", model, "--on-approval", "deny"]);
    expect(run.code, run.stderr).toBe(5);
    expect(run.value.plan.status).toBe("rejected");
  });

  test("parks at a call outside the envelope with 9, and goes on after an approval", async () => {
    const run = await cli.json(repository, ["run", goal, "--model", asking, "--yes"]);
    expect(run.code, run.stderr).toBe(9);
    const [approval] = run.value.plan.approvals;
    expect(approval).toMatchObject({ status: "pending", argv: ["node", "--version"], risk: expect.any(String) });
    const approved = await cli.json(repository, ["approve", approval.approvalId, "--watch"]);
    expect(approved.code, approved.stderr).toBe(0);
    const events = (await cli.json(repository, ["logs", run.value.plan.id])).value.events;
    const commands = events.filter(({ type, data }: Json) => type === "tool.finished" && data.tool === "run_command");
    expect(commands.map(({ data }: Json) => [data.state, data.exitCode])).toEqual([["completed", 0]]);
  });

  test("denies the call under --on-approval=deny; the agent goes on and the denial is in the result", async () => {
    const run = await cli.json(repository, ["run", goal, "--model", asking, "--yes", "--on-approval", "deny"]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan.approvals).toMatchObject([{ status: "denied", argv: ["node", "--version"] }]);
    const evidence = (await cli.run(repository, ["show", run.value.plan.id, "--evidence"])).stdout;
    expect(JSON.parse(evidence).deniedCalls).toMatchObject([
      { summary: expect.stringContaining("A flag of the command, not a person, denied this call.") },
    ]);
    expect(JSON.parse(evidence).approvals.map(({ decision, means }: Json) => [decision, means])).toEqual([
      ["approved", "flag"],
      ["denied", "flag"],
    ]);
    const text = readFileSync(path.join(repository, ".plans", run.value.plan.id, "evidence.md"), "utf8");
    expect(text.match(/by a flag: nobody was asked/g)).toHaveLength(2);
    expect(text).not.toContain("person denied");
  });

  test("cancels under --on-approval=fail and does not exit 0", async () => {
    const run = await cli.json(repository, ["run", goal, "--model", asking, "--yes", "--on-approval", "fail"]);
    expect(run.code, run.stderr).toBe(3);
    expect(run.value).toMatchObject({
      exitCode: 3,
      plan: { status: "cancelled", message: "an approval was needed (--on-approval fail)" },
    });
    expect(git(repository, "branch", "--list", `ossaat/${run.value.plan.id}`)).toBe("");
  });

  test("streams events as lines with --output ndjson, gapless from 1", async () => {
    const run = await cli.run(repository, ["run", goal, "--model", model, "--yes", "--output", "ndjson"]);
    expect(run.code, run.stderr).toBe(0);
    const lines = run.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const seqs = lines.filter(({ seq }) => seq !== undefined).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(lines.findLast(({ seq }) => seq !== undefined).type).toBe("plan.finished");
  });

  test("takes the goal from standard input", async () => {
    const run = await cli.json(repository, ["plan", "-", "--model", "none"], { input: `${goal}\n` });
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan).toMatchObject({ goal, planner: "context", model: null });
  });

  test("a plan without a model can be read, and says how to run it", async () => {
    const planned = await cli.json(repository, ["plan", goal, "--model", "none"]);
    expect(planned.value.plan.plan.steps[0].files).toContain("src/sum.js");
    const approve = await cli.run(repository, ["approve", planned.value.plan.id]);
    expect(approve.code).toBe(1);
    expect(approve.stderr).toContain("No model is configured");
    const other = await cli.json(repository, ["approve", planned.value.plan.id, "--model", model]);
    expect(other.code, other.stderr).toBe(0);
  });
});

describe("a repository whose tests failed before", () => {
  const broken =
    'import { test } from "node:test";\n\ntest("is broken anyway", () => {\n  throw new Error("always");\n});\n';

  test("reaches its branch when nothing new fails, and says which failed before", async () => {
    const folder = await makeRepository(path.join(cli.folder, "red"), { ...counterFiles, "test/red.test.js": broken });
    const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"]);
    expect(run.code, run.stderr).toBe(0);
    const tester = run.value.plan.steps.find(({ id }: Json) => id === "test");
    expect(tester.result.tests).toMatchObject({ status: "failed", failed: 1, failedBefore: ["is broken anyway"] });
  });

  test("fails when no test passes at all: such a run shows nothing", async () => {
    const folder = await makeRepository(path.join(cli.folder, "all-red"), {
      ...counterFiles,
      "test/sum.test.js": broken,
    });
    const replies = Array.from({ length: 6 }, () => finish("Done.", { findings: [] }));
    const better = call("edit_file", { path: "src/sum.js", oldText: "a - b", newText: "a + b" });
    const script = await writeScript(path.join(cli.folder, "nothing.json"), [
      ...counterFrame.filter(({ match }) => match["agent"] !== "tester"),
      ...turns("code-writer", "fix", { toolCalls: [better] }, finish("Mended.")),
      ...turns("tester", "test", ...replies),
    ]);
    const run = await cli.json(folder, ["run", goal, "--model", script, "--yes"]);
    expect(run.code, run.stderr).toBe(3);
    expect(run.value.plan).toMatchObject({ status: "failed", reason: "check_failed" });
    expect(run.value.plan.message).toContain("No test passes here, on the plan's base neither");
  });

  test("fails when a test fails that did not before, and names it", async () => {
    const folder = await makeRepository(path.join(cli.folder, "red-too"), {
      ...counterFiles,
      "src/sum.js": counterFiles["src/sum.js"]?.replace("a - b", "a + b") ?? "",
      "test/red.test.js": broken,
    });
    const worse = call("edit_file", { path: "src/sum.js", oldText: "a + b", newText: "a * b" });
    const replies = Array.from({ length: 6 }, () => finish("Done.", { findings: [] }));
    const script = await writeScript(path.join(cli.folder, "worse.json"), [
      ...counterFrame.filter(({ match }) => match["agent"] !== "tester"),
      ...turns("code-writer", "fix", { toolCalls: [worse] }, finish("Mended.")),
      ...turns("tester", "test", ...replies),
    ]);
    const run = await cli.json(folder, ["run", goal, "--model", script, "--yes"]);
    expect(run.code).toBe(3);
    expect(run.value.plan.message).toContain("These tests fail since the change: sums.");
    expect(run.value.plan.message).toContain("These failed before as well: is broken anyway.");
  });
});

describe("steering", () => {
  const slow = async () =>
    writeScript(path.join(cli.folder, "slow.json"), [
      ...counterFrame,
      ...turns("code-writer", "fix", { delayMs: 20_000, toolCalls: [editSum] }, finish("Mended.")),
    ]);

  async function started(): Promise<string> {
    const run = await cli.run(repository, ["run", goal, "--model", await slow(), "--yes", "--detach", "--quiet"]);
    expect(run.code, run.stderr).toBe(0);
    return run.stdout.trim();
  }

  test("cancel stops a running step at once; watch ends with 130; retry is a new plan", async () => {
    const id = await started();
    expect((await cli.run(repository, ["cancel", id, "--reason", "enough"])).code).toBe(0);
    const watched = await cli.json(repository, ["watch", id]);
    expect(watched.code).toBe(130);
    expect(watched.value.plan).toMatchObject({ status: "cancelled" });
    const again = await cli.run(repository, ["retry", id, "--detach", "--quiet"]);
    expect(again.code, again.stderr).toBe(0);
    const retried = await cli.json(repository, ["show", again.stdout.trim()]);
    expect(retried.value.plan).toMatchObject({ retryOf: id });
    expect((await cli.run(repository, ["cancel", again.stdout.trim()])).code).toBe(0);
  });

  test("pause starts nothing more until resume", async () => {
    const planned = await cli.json(repository, ["run", goal, "--model", model, "--yes", "--detach"]);
    const id = planned.value.plan.id as string;
    const paused = await cli.run(repository, ["pause", id]);
    // A run this short may be over before the pause arrives; then the answer says so.
    if (paused.code === 0) {
      expect((await cli.json(repository, ["watch", id])).code).toBe(9);
      expect((await cli.run(repository, ["resume", id])).code).toBe(0);
    } else expect(paused.stderr).toContain("cannot be paused");
    expect((await cli.json(repository, ["watch", id])).code).toBe(0);
  });

  test("a revision is planned again from feedback", async () => {
    const script = await writeScript(path.join(cli.folder, "revise.json"), [
      ...counterScript,
      ...turns("planner", "plan.2", {
        toolCalls: [
          call("propose_plan", {
            summary: "As asked, with a test.",
            successCriteria: ["`npm test` exits 0."],
            steps: [
              { id: "fix", title: "Let sum add, with a test", files: ["src/sum.js", "test/sum.test.js"], summary: "x" },
            ],
          }),
        ],
      }),
    ]);
    const planned = await cli.json(repository, ["plan", goal, "--model", script]);
    const revised = await cli.json(repository, ["revise", planned.value.plan.id, "also change the test"]);
    expect(revised.code, revised.stderr).toBe(0);
    expect(revised.value.plan).toMatchObject({ revision: 2, status: "awaiting_approval" });
    expect(revised.value.plan.planHash).not.toBe(planned.value.plan.planHash);
  });
});
