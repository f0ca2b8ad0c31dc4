// `ossaat replay`: recorded turns against the code as it is, without a trace in the repository.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterScript, editSum, finish, turns, writeScript } from "./testing/script.ts";

let cli: Cli;
let repository: string;
let plan: Json;

/** An agent that leaves its envelope, is denied, edits wrongly once and then mends it. */
const wanderer = [
  ...counterScript.filter(({ match }) => match["agent"] !== "code-writer"),
  ...turns(
    "code-writer",
    "fix",
    { toolCalls: [call("run_command", { argv: ["npm", "install", "left-pad"] })] },
    { toolCalls: [call("edit_file", { path: "src/sum.js", oldText: "not there", newText: "x" })] },
    { toolCalls: [editSum] },
    finish("Mended."),
  ),
];

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "a repository"));
  const model = await writeScript(path.join(cli.folder, "script.json"), wanderer);
  const run = await cli.json(repository, ["run", "Let sum add", "--yes", "--on-approval", "deny", "--model", model]);
  expect(run.code, run.stderr).toBe(0);
  plan = run.value.plan;
});
afterAll(() => cli.close());

/** A code writer of the user's that may not write. */
function stricterWriter(): string {
  const builtIn = readFileSync(new URL("../../../packages/agents/code-writer/agent.md", import.meta.url), "utf8");
  const stricter = builtIn.replace("model:\n", "approval_policy: { repo.write: deny }\nmodel:\n");
  expect(stricter).not.toBe(builtIn);
  return stricter;
}

/** Everything of the repository that a run may change. */
const traces = () => [
  git(repository, "for-each-ref"),
  git(repository, "status", "--porcelain", "--ignored"),
  readdirSync(path.join(repository, ".plans")),
  readFileSync(path.join(repository, "src/sum.js"), "utf8"),
];

describe("replay", () => {
  test("of a run on the same code finds the same behaviour, asks no model and leaves no trace", async () => {
    const before = traces();
    const { code, value, stderr } = await cli.json(repository, ["replay", plan.id]);
    expect([code, value], stderr).toEqual([
      0,
      {
        schemaVersion: 1,
        planId: plan.id,
        same: true,
        steps: [
          { id: "plan.1", turns: 1, calls: 0 },
          { id: "fix", turns: 4, calls: 3 },
          expect.objectContaining({ id: "test" }),
          expect.objectContaining({ id: "audit" }),
        ],
        end: { recorded: "succeeded", replayed: "succeeded" },
      },
    ]);
    expect(traces()).toEqual(before);
    expect(readdirSync(path.join(cli.folder)).filter((name) => name.includes("replay"))).toEqual([]);
  });

  test("for people says each step in a line and the verdict last", async () => {
    const { code, stdout } = await cli.run(repository, ["replay", plan.id]);
    expect([code, stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "Same behaviour."]);
    expect(stdout).toContain("fix     same; 4 turns, 3 calls");
  });

  test("shows where another version would behave otherwise, and exits 3", async () => {
    const agents = path.join(cli.folder, "config", "ossaat", "agents", "code-writer");
    mkdirSync(agents, { recursive: true });
    writeFileSync(path.join(agents, "agent.md"), stricterWriter());
    const { code, value } = await cli.json(repository, ["replay", plan.id]);
    const fix = value.steps.find(({ id }: Json) => id === "fix");
    expect([code, value.same, fix.difference]).toEqual([
      3,
      false,
      { at: "3.0 edit_file", recorded: expect.stringMatching(/^completed, tree /) as string, replayed: "failed" },
    ]);
    rmSync(agents, { recursive: true });
  });
});

test("a plan nobody approved replays its planning only", async () => {
  const model = await writeScript(path.join(cli.folder, "plan.json"), counterScript);
  const planned = await cli.json(repository, ["plan", "Let sum add", "--model", model]);
  const { code, value } = await cli.json(repository, ["replay", planned.value.plan.id]);
  expect([code, value.same, value.steps, value.end]).toEqual([
    0,
    true,
    [{ id: "plan.1", turns: 1, calls: 0 }],
    { recorded: "no end", replayed: "no end" },
  ]);
});

describe("a run that needed more than one try", () => {
  /** The vendor refuses the key in the first run; in the second it is busy once, and then the writer mends. */
  async function retriedRun() {
    const file = path.join(cli.folder, "retried.json");
    const frame = counterScript.filter(({ match }) => match["agent"] !== "code-writer");
    const write = (mistake: Json) => {
      const edit = { toolCalls: [editSum], error: { times: 1, ...mistake } };
      return writeScript(file, [...frame, ...turns("code-writer", "fix", edit, finish("Mended."))]);
    };
    const model = await write({ kind: "auth" });
    const failed = await cli.json(repository, ["run", "Let sum add", "--yes", "--model", model]);
    expect(failed.code, failed.stderr).toBe(3);
    // A server reads a script once.
    await cli.run(repository, ["down"]);
    await write({ kind: "overloaded", retryAfterMs: 10 });
    const retried = await cli.json(repository, ["retry", failed.value.plan.id]);
    expect([retried.code, retried.value.plan?.status], retried.stderr).toEqual([0, "succeeded"]);
    return { failed: failed.value.plan.id as string, retried: retried.value.plan.id as string };
  }
  let ids: Awaited<ReturnType<typeof retriedRun>>;
  beforeAll(async () => {
    ids = await retriedRun();
  });

  test("is replayed try by try: what failed, what was taken over, requests that broke", async () => {
    const before = traces();
    const { code, value, stderr } = await cli.json(repository, ["replay", ids.retried]);
    const step = (id: string) => value.steps.find((entry: Json) => entry.id === id);
    expect([code, value.same, value.planId], stderr).toEqual([0, true, ids.retried]);
    expect(value.end).toEqual({ recorded: "succeeded", replayed: "succeeded" });
    expect(step("fix")).toEqual({ id: "fix", turns: 2, calls: 1 });
    const [first, more] = value.earlier;
    expect([first.planId, first.same, more]).toEqual([ids.failed, true, undefined]);
    expect(first.end.replayed).toBe(first.end.recorded);
    expect(traces()).toEqual(before);
  });

  test("names the plan of each try for people", async () => {
    const { code, stdout } = await cli.run(repository, ["replay", ids.retried]);
    const lines = stdout.trimEnd().split("\n");
    expect([code, lines.filter((line) => line.startsWith("plan-")), lines.at(-1)]).toEqual([
      0,
      [ids.failed, ids.retried],
      "Same behaviour.",
    ]);
  });

  test("shows in which try another version would behave otherwise", async () => {
    const agents = path.join(cli.folder, "config", "ossaat", "agents", "code-writer");
    mkdirSync(agents, { recursive: true });
    writeFileSync(path.join(agents, "agent.md"), stricterWriter());
    try {
      const { code, value } = await cli.json(repository, ["replay", ids.retried]);
      const fix = value.steps.find(({ id }: Json) => id === "fix");
      expect([code, value.same, value.earlier[0].same, fix.difference]).toEqual([
        3,
        false,
        true,
        { at: "1.0 edit_file", recorded: expect.stringMatching(/^completed, tree /) as string, replayed: "failed" },
      ]);
    } finally {
      rmSync(agents, { recursive: true });
    }
  });
});

test("a plan that does not exist says what to do", async () => {
  const unknown = await cli.run(repository, ["replay", "plan-00000000-0000-4000-8000-000000000000"]);
  expect(unknown.code).toBe(6);
});
