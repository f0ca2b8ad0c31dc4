// Policy over the real server: files of user, project and admin, `ossaat policy check` and `replay`.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { counterFiles, git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

const shippedRules = fileURLToPath(new URL("../../../packages/policy/wasm", import.meta.url));

let cli: Cli;
let repository: string;
let model: string;
let userFile: string;
let planId: string;

const policyText = (...rules: object[]) => JSON.stringify({ rules }, null, 2);
const noSource = { id: "no-src", effect: "deny", paths: ["src/**"], capabilities: ["repo.write"] };
const writeUserPolicy = (...rules: object[]) => writeFileSync(userFile, policyText(...rules));
const policy = (...args: string[]) => cli.run(repository, ["policy", ...args]);
const policyJson = (...args: string[]) => cli.json(repository, ["policy", ...args]);

beforeAll(async () => {
  cli = await createCli();
  userFile = path.join(cli.folder, "config", "ossaat", "policy.json");
  mkdirSync(path.dirname(userFile), { recursive: true });
  repository = await makeRepository(path.join(cli.folder, "repository"));
  model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
  const ran = await cli.json(repository, ["run", "Let sum in src/sum.js add", "--yes", "--model", model]);
  expect(ran.code, ran.stderr).toBe(0);
  planId = ran.value.plan.id as string;
});
afterEach(() => rmSync(userFile, { force: true }));
afterAll(() => cli.close());

const rowsOf = (value: Json, tool: string): Json[] =>
  value.tools.filter((row: Json) => row.tool === tool && row.stepId === "fix");

describe("ossaat policy check", () => {
  test("shows for every step and tool what is decided, and ends with 0 when nothing is denied", async () => {
    const { code, value } = await policyJson("check");
    expect([code, value.planId, value.isApproved, value.counts.deny, value.counts.ask]).toEqual([
      0,
      planId,
      true,
      0,
      0,
    ]);
    expect(rowsOf(value, "edit_file")).toEqual([
      {
        stepId: "fix",
        agent: "code-writer",
        tool: "edit_file",
        capability: "repo.write",
        about: "",
        outcome: "allow",
        deny: [],
        conditions: [],
      },
      {
        stepId: "fix",
        agent: "code-writer",
        tool: "edit_file",
        capability: "repo.write",
        about: "src/sum.js",
        outcome: "allow",
        deny: [],
        conditions: [],
      },
    ]);
    const shown = await policy("check", planId);
    expect(shown.stdout).toMatch(
      /^plan-[0-9a-f-]{36}, as approved:\nfix \(code-writer\)\n {2}allow {2}everything in its envelope\n/u,
    );
  });

  test("and explain give the reason of the rule that decides, step by step", async () => {
    writeUserPolicy({ ...noSource, reason: "generated from the schema" });
    const { code, value } = await policyJson("check");
    const source = `${userFile}:3`;
    expect([code, value.rules]).toEqual([
      5,
      [{ reason: "denied_by_rule", layer: "user", rule: "no-src", source, why: "generated from the schema" }],
    ]);
    const shown = await policy("check", planId);
    expect(shown.stdout).toContain(`denied_by_rule, user rule no-src (${source}): generated from the schema`);
    const explained = await policy("explain", planId, "fix");
    expect([explained.code, explained.stdout.split("\n")[0]]).toEqual([0, "fix (code-writer)"]);
    expect(explained.stdout).toContain(
      `  deny  edit_file src/sum.js\n         user rule no-src (${source}): generated from the schema\n`,
    );
    expect(explained.stdout).toContain(
      "  allow  read_file\n         no rule stands against repo.read: the step names the tool, and the plan is approved as it stands\n",
    );
    expect(explained.stdout).not.toContain("(tester)");
    const whole = await policyJson("explain", planId);
    expect([whole.code, whole.value.tools]).toEqual([0, value.tools]);
  });

  test("explain names the steps there are when it is asked about another", async () => {
    const { code, stderr } = await policy("explain", planId, "nope");
    expect([code, stderr]).toEqual([6, expect.stringContaining(`Next: ossaat policy explain ${planId}`) as string]);
  });

  test("names the rule that denies, with file and line, and ends with 5", async () => {
    writeUserPolicy(noSource);
    const { code, value } = await policyJson("check");
    const [atLarge, onFile] = rowsOf(value, "write_file");
    const source = `${userFile}:3`;
    expect([code, atLarge.outcome, atLarge.conditions, onFile.outcome, onFile.deny]).toEqual([
      5,
      "allow",
      [{ effect: "deny", layer: "user", rule: "no-src", source, when: "paths src/**" }],
      "deny",
      [{ reason: "denied_by_rule", layer: "user", rule: "no-src", source }],
    ]);
    const text = await policy("check");
    expect([text.code, text.stdout]).toEqual([
      5,
      expect.stringContaining(`  deny   edit_file src/sum.js  denied_by_rule, user rule no-src (${source})`) as string,
    ]);
  });

  test("a project's file holds at the commit a plan begins from, and an unapproved plan is judged as if approved", async () => {
    const project = await makeRepository(path.join(cli.folder, "project"), {
      ...counterFiles,
      ".ossaat/policy.json": policyText({ effect: "ask", tools: ["run_command"] }),
    });
    const planned = await cli.json(project, ["plan", "Let sum in src/sum.js add", "--model", model]);
    expect(planned.code, planned.stderr).toBe(0);
    const { code, value } = await cli.json(project, ["policy", "check"]);
    const asked = value.tools
      .filter((row: Json) => row.outcome === "ask")
      .map((row: Json) => [row.tool, row.deny[0].layer]);
    expect([code, value.isApproved, new Set(asked.flat())]).toEqual([0, false, new Set(["run_command", "project"])]);
  });

  test("of a plan that does not exist is not found", async () => {
    expect((await policy("check", "plan-00000000")).code).toBe(6);
  });
});

describe("a policy file that is not valid", () => {
  test("denies everything, and says where the fault is", async () => {
    writeFileSync(userFile, '{\n  "rules": [\n    { "effect": "allow", "tools": ["read_file"] }\n  ]\n}\n');
    const [planned, checked] = [await cli.run(repository, ["plan", "x", "--model", "none"]), await policy("check")];
    for (const { code, stderr } of [planned, checked]) {
      expect([code, stderr]).toEqual([
        5,
        expect.stringContaining(`policy_unavailable): ${userFile}:3: rules[0].effect`) as string,
      ]);
    }
  });

  test("of an admin that somebody named must exist", async () => {
    const named = { OSSAAT_ADMIN_POLICY: path.join(cli.folder, "admin.json") };
    const missing = await cli.run(repository, ["plan", "x", "--model", "none"], { env: named });
    writeFileSync(named.OSSAAT_ADMIN_POLICY, policyText({ effect: "deny", tools: ["run_tests"] }));
    const planned = await cli.run(repository, ["plan", "Let sum in src/sum.js add", "--model", "none"], { env: named });
    const checked = await cli.run(repository, ["policy", "check"], { env: named });
    expect([missing.code, missing.stderr, planned.code, checked.code, checked.stdout]).toEqual([
      5,
      expect.stringContaining("admin.json: the policy file cannot be read (ENOENT)") as string,
      0,
      5,
      expect.stringContaining("deny   run_tests  denied_by_rule, admin rule rule-1") as string,
    ]);
  });
});

describe("ossaat policy replay", () => {
  test("finds nothing to say while the rules are what they were", async () => {
    const { code, value } = await policyJson("replay", planId, "--since", "1h");
    // Read, edit, test and look: one decision for each call.
    expect([code, value]).toEqual([
      0,
      { schemaVersion: 1, plans: 1, decisions: 4, changed: [], skipped: [], truncated: false },
    ]);
  });

  test("shows what the rules of now would have decided otherwise", async () => {
    writeUserPolicy(noSource);
    const { value } = await policyJson("replay", planId);
    expect(value.changed).toEqual([
      {
        planId,
        stepId: "fix",
        seq: expect.any(Number) as number,
        at: expect.any(String) as string,
        agent: "code-writer",
        tool: "edit_file",
        what: "edit src/sum.js",
        before: { outcome: "allow", deny: [] },
        after: {
          outcome: "deny",
          deny: [{ reason: "denied_by_rule", layer: "user", rule: "no-src", source: `${userFile}:3` }],
        },
      },
    ]);
    const text = await policy("replay", planId, "--since", "1");
    expect(text.stdout).toContain(`  allow → deny  ${planId} fix #`);
    expect(text.stdout).toContain("of 1 plan, 1 would be others.");
  });

  test("tries a policy file, compiled rules, or a folder with both", async () => {
    const draft = path.join(cli.folder, "draft.json");
    writeFileSync(draft, policyText({ effect: "ask", tools: ["edit_file"] }));
    const folder = path.join(cli.folder, "candidate");
    cpSync(shippedRules, folder, { recursive: true });
    const outcomes = async (candidate: string) => {
      const { code, value } = await policyJson("replay", planId, "--policy", candidate);
      return [code, value.changed.map((change: Json) => `${change.tool} ${change.after.outcome}`)];
    };
    const fromWasm = await outcomes(folder);
    cpSync(draft, path.join(folder, "policy.json"));
    expect([await outcomes(draft), fromWasm, await outcomes(folder)]).toEqual([
      [0, ["edit_file ask"]],
      [0, []],
      [0, ["edit_file ask"]],
    ]);
  });

  test("refuses what it cannot read, each with what is wrong", async () => {
    const wasm = path.join(cli.folder, "broken.wasm");
    writeFileSync(wasm, "no wasm");
    const rules = path.join(cli.folder, "broken.json");
    writeFileSync(rules, '{"rules":[{"effect":"deny"}]}');
    const results = [
      await policy("replay", "--policy", wasm),
      await policy("replay", "--policy", rules),
      await policy("replay", "--policy", repository),
      await policy("replay", "--policy", "nowhere"),
      await policy("replay", "--since", "yesterday"),
      await policy("replay", "--since", "12"),
    ];
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(results.map(({ stderr }) => stderr.split("\n")[0])).toEqual([
      expect.stringContaining("cannot be tried") as string,
      expect.stringContaining("broken.json:1: rules[0]: the rule names nothing") as string,
      expect.stringContaining("holds no policy.wasm and no policy.json") as string,
      expect.stringContaining("ENOENT") as string,
      expect.stringContaining("--since takes") as string,
      expect.stringContaining("name the plan too") as string,
    ]);
  });

  test("leaves out plans whose repository is gone, and says so", async () => {
    const gone = await makeRepository(path.join(cli.folder, "gone"));
    const ran = await cli.json(gone, ["run", "Let sum in src/sum.js add", "--yes", "--model", model]);
    expect(ran.code, ran.stderr).toBe(0);
    git(gone, "status");
    rmSync(gone, { recursive: true });
    const { value } = await policyJson("replay", "--since", "1h");
    expect([value.plans, value.skipped.map((plan: Json) => plan.planId)]).toEqual([1, [ran.value.plan.id]]);
  });
});

test("a run under a rule is denied by it, in the log and for the agent", async () => {
  writeUserPolicy(noSource);
  const ran = await cli.json(repository, ["run", "Let sum in src/sum.js add", "--yes", "--model", model]);
  const id = ran.value.plan.id as string;
  const { value } = await cli.json(repository, ["logs", id]);
  const decided = (value.events as Json[]).filter(
    ({ type, data }) => type === "policy.decided" && data.tool === "edit_file",
  );
  const finished = (value.events as Json[]).filter(
    ({ type, data }) => type === "tool.finished" && data.tool === "edit_file",
  );
  expect(decided[0]?.data).toMatchObject({
    outcome: "deny",
    what: "edit src/sum.js",
    deny: [{ reason: "denied_by_rule", layer: "user", rule: "no-src" }],
    input: { value: { subject: { agent: "code-writer", tool: "edit_file" }, action: { paths: ["src/sum.js"] } } },
  });
  expect([ran.code, finished[0]?.data.state]).toEqual([3, "denied"]);
});
