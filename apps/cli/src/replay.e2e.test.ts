// `ossaat replay`: recorded turns against the code as it is, without a trace in the repository.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
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
    const builtIn = readFileSync(new URL("../../../packages/agents/code-writer/agent.md", import.meta.url), "utf8");
    const stricter = builtIn.replace("model:\n", "approval_policy: { repo.write: deny }\nmodel:\n");
    expect(stricter).not.toBe(builtIn);
    writeFileSync(path.join(agents, "agent.md"), stricter);
    const { code, value } = await cli.json(repository, ["replay", plan.id]);
    const fix = value.steps.find(({ id }: Json) => id === "fix");
    expect([code, value.same, fix.difference]).toEqual([
      3,
      false,
      { at: "3.0 edit_file", recorded: expect.stringMatching(/^completed, tree /) as string, replayed: "failed" },
    ]);
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

test("a plan that does not exist, and one that took over results, say what to do", async () => {
  const unknown = await cli.run(repository, ["replay", "plan-00000000-0000-4000-8000-000000000000"]);
  expect(unknown.code).toBe(6);
  const lazy = counterScript.filter(({ match }) => match["agent"] !== "code-writer");
  const model = await writeScript(path.join(cli.folder, "lazy.json"), lazy);
  const failed = await cli.json(repository, ["run", "Let sum add", "--yes", "--model", model]);
  const retried = await cli.json(repository, ["retry", failed.value.plan.id]);
  const { code, stderr } = await cli.run(repository, ["replay", retried.value.plan.id]);
  expect([failed.code, code, stderr]).toEqual([
    3,
    2,
    expect.stringContaining(`is a retry: it took over results of another run.`) as string,
  ]);
  expect(stderr).toContain(`ossaat replay ${failed.value.plan.id}`);
});
