// Bad input from outside: every case ends at once with the documented exit code, a message that
// says what to do, and nothing lost.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterScript, editSum, finish, turns, writeScript } from "./testing/script.ts";

let cli: Cli;
let repository: string;
let model: string;

beforeAll(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
});

afterAll(() => cli.close());

const goal = "Let sum in src/sum.js add";

async function expectFailure(args: readonly string[], code: number, text: string, cwd = repository): Promise<void> {
  const result = await cli.run(cwd, args);
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
  expect(result.stderr).toContain(text);
}

async function newPlan(name = "plan", args: readonly string[] = []): Promise<Json> {
  const result = await cli.json(repository, [name, goal, "--model", model, ...args]);
  expect(result.code, result.stderr).toBe(0);
  return result.value.plan;
}

describe("an answer without an id", () => {
  test("goes to the one that waits; several are listed, and none is guessed", async () => {
    const own = await makeRepository(path.join(cli.folder, "waiting"));
    const propose = async (): Promise<string> =>
      (await cli.json(own, ["plan", goal, "--model", model])).value.plan.id as string;
    const [first, second] = [await propose(), await propose()];
    for (const verb of ["approve", "deny"]) {
      const several = await cli.run(own, [verb]);
      expect([several.code, several.stderr]).toEqual([
        2,
        expect.stringContaining(`2 plans wait for an answer: ${second}, ${first}.`),
      ]);
      expect(several.stderr).toContain(`Next: name one: \`ossaat ${verb} ${second}\``);
    }
    expect((await cli.run(own, ["deny", second])).code).toBe(0);
    const approved = await cli.json(own, ["approve", "--watch"]);
    expect([approved.code, approved.value.plan.id, approved.value.plan.status]).toEqual([0, first, "succeeded"]);
    const nothing = await cli.run(own, ["approve"]);
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining("waits for an answer")]);
  });
});

describe("repositories", () => {
  test("not a git repository", async () => {
    const folder = path.join(cli.folder, "plain");
    mkdirSync(folder);
    await expectFailure(["plan", goal], 2, "not in a git repository", folder);
  });

  test("an empty repository", async () => {
    const folder = path.join(cli.folder, "empty");
    mkdirSync(folder);
    git(folder, "init", "--quiet");
    await expectFailure(["plan", goal], 2, "no commits yet", folder);
  });

  test("a bare repository", async () => {
    const folder = path.join(cli.folder, "bare.git");
    execFileSync("git", ["init", "--quiet", "--bare", folder]);
    await expectFailure(["plan", goal], 2, "bare repository", folder);
  });

  test("a missing base ref", async () => {
    await expectFailure(["plan", goal, "--base", "nope"], 2, 'no branch, tag or commit named "nope"');
  });

  test("a folder that is not there", async () => {
    await expectFailure(["-C", "nowhere", "plan", goal], 2, "no folder");
  });

  test("a detached head is planned from, and stays detached", async () => {
    const folder = await makeRepository(path.join(cli.folder, "detached"));
    git(folder, "checkout", "--quiet", "--detach");
    const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"]);
    expect(run.code, run.stderr).toBe(0);
    expect(git(folder, "rev-parse", "--abbrev-ref", "HEAD")).toBe("HEAD");
    const apply = await cli.run(folder, ["apply"]);
    expect(apply.code).toBe(1);
    expect(apply.stderr).toContain("on no branch");
    const patch = await cli.run(folder, ["apply", "--patch"]);
    expect(patch.code, patch.stderr).toBe(0);
    expect(git(folder, "status", "--porcelain")).toBe(" M src/sum.js");
  });

  test("a dirty checkout keeps its changes, and they are not part of the plan", async () => {
    const folder = await makeRepository(path.join(cli.folder, "dirty"));
    writeFileSync(path.join(folder, "package.json"), "mine\n");
    writeFileSync(path.join(folder, "note.txt"), "mine\n");
    const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"]);
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan.repository.dirtyPaths).toBe(2);
    expect(git(folder, "status", "--porcelain")).toBe(" M package.json\n?? note.txt");
    expect(readFileSync(path.join(folder, "package.json"), "utf8")).toBe("mine\n");
    expect(git(folder, "diff", "--name-only", "main", run.value.plan.branch)).toBe("src/sum.js");
  });

  test("names with spaces, line feeds and bytes that are no UTF-8 survive untouched", async () => {
    const folder = await makeRepository(path.join(cli.folder, "odd\nname"));
    writeFileSync(path.join(folder, "a b\nc.txt"), "1\n");
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff, 0xfe])]), "2\n");
    git(folder, "add", "--all");
    git(folder, "commit", "--quiet", "--message=odd");
    const run = await cli.json(folder, ["run", goal, "--model", model, "--yes"]);
    expect(run.code, run.stderr).toBe(0);
    const { branch } = run.value.plan;
    expect(git(folder, "diff", "--name-only", "main", branch)).toBe("src/sum.js");
    expect(git(folder, "ls-tree", "-r", "--name-only", branch)).toContain('"a b\\nc.txt"\n"f\\377\\376"');
  });
});

describe("what a patch may hold", () => {
  test("bytes that are no UTF-8 arrive as they are, whatever the user's git settings", async () => {
    const latin = Buffer.from([0x67, 0x72, 0xfc, 0xdf, 0x0a]);
    const folder = await makeRepository(path.join(cli.folder, "latin"));
    writeFileSync(path.join(folder, "latin.txt"), latin);
    git(folder, "add", "--all");
    git(folder, "commit", "--quiet", "--message=latin");
    git(folder, "config", "color.ui", "always");
    git(folder, "config", "diff.noprefix", "true");
    const script = await writeScript(path.join(cli.folder, "latin.json"), [
      ...counterFrame,
      ...turns(
        "code-writer",
        "fix",
        { toolCalls: [editSum, call("run_command", { argv: ["cp", "latin.txt", "src/copy.txt"] })] },
        finish("Mended, and a copy."),
      ),
    ]);
    const run = await cli.json(folder, ["run", goal, "--model", script, "--yes"]);
    expect(run.code, run.stderr).toBe(9);
    const scope = ["approve", run.value.plan.approvals[0].approvalId, "--watch"];
    expect((await cli.run(folder, scope)).code).toBe(0);
    const patch = await cli.run(folder, ["apply", "--patch"]);
    expect(patch.code, patch.stderr).toBe(0);
    expect(readFileSync(path.join(folder, "src/copy.txt")).equals(latin)).toBe(true);
  });
});

describe("goals and flags", () => {
  test.each([
    ["an empty goal", [""], "The goal is empty"],
    ["a goal of 100 kB", ["x".repeat(100_000)], "longer than 2048 characters"],
    ["a goal with control characters", ["do \u001b[31m it"], "control characters"],
    ["a budget below zero", [goal, "--max-cost", "-1"], "number above 0"],
    ["an unknown form of model", [goal, "--model", "foo"], "not a model name"],
    ["a script that is not there", [goal, "--model", "scripted:nope.json"], "cannot be read"],
    ["a vendor without a key", [goal, "--model", "openai/gpt-x"], "OPENAI_API_KEY is not set"],
    ["an unknown agent", [goal, "--agents", "nobody"], "There is no agent nobody"],
    ["agents that cannot write", [goal, "--agents", "tester,auditor"], "None of the named agents may change files"],
    ["an unknown flag", ["--frob"], "unknown option"],
    ["an unknown output", [goal, "--output", "xml"], "--output takes"],
  ])("%s", async (_name, args, text) => {
    await expectFailure(["plan", ...args], 2, text);
  });

  test("an empty goal from standard input", async () => {
    const result = await cli.run(repository, ["plan"], { input: "  \n" });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("The goal is empty");
  });

  test.each([
    ["a usage error", ["plan", "--frob", "--json"]],
    ["a flag that cannot be read", ["plan", goal, "--output=json", "-C", "nowhere"]],
  ])("%s is JSON where JSON was asked for", async (_name, args) => {
    const result = await cli.run(repository, args);
    expect(result.code).toBe(2);
    expect(JSON.parse(result.stdout)).toMatchObject({ schemaVersion: 1, error: { code: "invalid_input" } });
  });

  test("a wish for a plan without a model says what to do instead", async () => {
    const planned = await cli.json(repository, ["plan", goal, "--model", "none"]);
    await expectFailure(["revise", planned.value.plan.id, "smaller"], 1, "made without a model");
  });

  test("an unknown command suggests one", async () => {
    await expectFailure(["aprove", "x"], 2, "Did you mean approve?");
  });

  test("an unknown plan, and one of a wrong form", async () => {
    await expectFailure(["show", "plan-00000000-0000-4000-8000-000000000000"], 6, "There is no plan");
    await expectFailure(["show", "../etc"], 6, "There is no plan");
  });
});

describe("a plan's file edited by hand", () => {
  let plan: Json;
  const file = () => path.join(repository, ".plans", plan.id, "plan.json");
  const edit = (change: (plan: Json) => void) => {
    const copy = structuredClone(plan.plan);
    change(copy);
    writeFileSync(file(), JSON.stringify(copy));
  };

  beforeAll(async () => {
    plan = await newPlan();
  });

  test.each<[string, (plan: Json) => void, string]>([
    ["a cycle", (p) => (p.steps[0].needs = ["audit"]), "steps form a cycle"],
    ["an unknown capability", (p) => (p.steps[0].capability = "repo.own"), "steps[0].capability"],
    ["an unknown agent", (p) => (p.steps[0].agent = "nobody"), 'unknown agent "nobody"'],
    ["an unknown tool", (p) => p.steps[0].envelope.tools.push("rm_rf"), 'unknown tool "rm_rf"'],
    ["no step", (p) => (p.steps = []), "steps"],
    ["a path that leads out", (p) => p.steps[0].envelope.paths.push("../x"), "leads out of the repository"],
    ["another goal", (p) => (p.goal = "Something else"), "the goal cannot be edited"],
    ["two steps of one id", (p) => (p.steps[1].id = p.steps[0].id), "used more than once"],
  ])("%s", async (_name, change, text) => {
    edit(change);
    await expectFailure(["edit", plan.id], 2, text);
  });

  test("a budget that is taken out stays", async () => {
    edit((p) => {
      delete p.budget;
      p.summary = "Other words.";
    });
    const edited = await cli.json(repository, ["edit", plan.id]);
    expect(edited.code, edited.stderr).toBe(0);
    expect(edited.value.plan.plan.budget).toEqual(plan.plan.budget);
    plan = edited.value.plan;
  });

  test("invalid JSON", async () => {
    writeFileSync(file(), "{ not json");
    await expectFailure(["edit", plan.id], 2, "not valid JSON");
    expect(readFileSync(file(), "utf8")).toBe("{ not json");
    const show = await cli.json(repository, ["show", plan.id]);
    expect(show.value.plan.planHash).toBe(plan.planHash);
  });

  test("approving while the file says something else", async () => {
    await expectFailure(["approve", plan.id], 1, "differs from the stored revision");
  });

  test("a wider envelope is a new revision that has to be approved", async () => {
    edit((p) => p.steps[0].envelope.paths.push("**"));
    const edited = await cli.json(repository, ["edit", plan.id]);
    expect(edited.code, edited.stderr).toBe(0);
    expect(edited.value.plan).toMatchObject({ revision: plan.revision + 1, status: "awaiting_approval" });
    expect(edited.value.plan.planHash).not.toBe(plan.planHash);
    await expectFailure(["approve", plan.id, "--hash", plan.planHash], 1, `You were shown hash ${plan.planHash}`);
  });
});

describe("approvals", () => {
  const denied = [
    ...counterFrame,
    ...turns(
      "code-writer",
      "fix",
      { toolCalls: [call("run_command", { argv: ["node", "--version"] })] },
      { toolCalls: [editSum] },
      finish("Mended without it."),
    ),
  ];

  async function parked(name: string): Promise<{ plan: Json; approval: Json }> {
    const script = await writeScript(path.join(cli.folder, `${name}.json`), denied);
    const run = await cli.json(repository, ["run", goal, "--model", script, "--yes"]);
    expect(run.code, run.stderr).toBe(9);
    const [approval] = run.value.plan.approvals;
    expect(approval).toMatchObject({ status: "pending", argv: ["node", "--version"] });
    return { plan: run.value.plan, approval };
  }

  test("an old hash, another plan, twice the same, twice otherwise", async () => {
    const { plan, approval } = await parked("twice");
    await expectFailure(["approve", approval.approvalId, "--hash", "0".repeat(64)], 1, "You were shown hash");
    await expectFailure(["approve", "approval-ffffffffffffffff"], 6, "There is no approval request");
    const first = await cli.run(repository, ["deny", approval.approvalId, "--reason", "not needed"]);
    expect(first.code, first.stderr).toBe(0);
    const again = await cli.run(repository, ["deny", approval.approvalId, "--reason", "not needed"]);
    expect(again.code, again.stderr).toBe(0);
    await expectFailure(["approve", approval.approvalId], 1, "already denied");
    const watched = await cli.json(repository, ["watch", plan.id]);
    expect(watched.code, watched.stderr).toBe(0);
    await expectFailure(["approve", plan.id], 1, "waits for an answer");
  });

  test("a plan approved twice is approved once; a rejected one stays rejected", async () => {
    const plan = await newPlan();
    const first = await cli.run(repository, ["approve", plan.id]);
    expect(first.code, first.stderr).toBe(0);
    const other = await newPlan();
    expect((await cli.run(repository, ["deny", other.id, "--reason", "no"])).code).toBe(0);
    await expectFailure(["approve", other.id], 1, "it is rejected");
    const show = await cli.json(repository, ["show", other.id]);
    expect(show.value.plan).toMatchObject({ status: "rejected", message: "no" });
  });
});

describe("agent profiles of the repository", () => {
  const sections = ["Mission", "Operating procedure", "Guardrails & escalation", "Key outputs", "Tooling checklist"];
  const body = sections.map((name) => `## ${name}\n\nText.\n`).join("\n");
  const profile = (front: string) => `---\n${front}\n---\n\n${body}`;
  const bomb = ["a0: &a0 x", ...Array.from({ length: 20 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)].join(
    "\n",
  );

  test("a bomb, an unknown key and a wrong type are named with their line, and used by nobody", async () => {
    const folder = await makeRepository(path.join(cli.folder, "agents-repo"), {
      "agents/bomb/agent.md": profile(bomb),
      "agents/extra/agent.md": profile("name: extra\nsudo: true"),
      "agents/typed/agent.md": profile("name: typed\ncapabilities: everything"),
      "agents/fine/agent.md": profile("name: fine\nrole: Writer\ncapabilities: [repo.read, repo.write]"),
    });
    const list = await cli.json(folder, ["agents"]);
    expect(list.code, list.stderr).toBe(0);
    expect(list.value.agents.map(({ name }: Json) => name)).toContain("fine");
    expect(
      [...new Set<string>(list.value.problems.map((problem: Json): string => problem.path))].toSorted((a, b) =>
        a.localeCompare(b),
      ),
    ).toEqual(["agents/bomb/agent.md", "agents/extra/agent.md", "agents/typed/agent.md"]);
    await expectFailure(["plan", goal], 2, "An agent profile is not valid: agents/bomb/agent.md:3", folder);
  });

  test("new-agent refuses a bad name and keeps what is there", async () => {
    await expectFailure(["new-agent", "Bad Name"], 2, "lower-case letters");
    expect((await cli.run(repository, ["new-agent", "helper"])).code).toBe(0);
    await expectFailure(["new-agent", "helper"], 1, "exists already");
  });
});

describe("what a model says", () => {
  async function runWith(name: string, ...replies: Json[]): Promise<Json> {
    const script = await writeScript(path.join(cli.folder, `${name}.json`), [
      ...counterFrame,
      ...turns("code-writer", "fix", ...replies),
    ]);
    return cli.json(repository, ["run", goal, "--model", script, "--yes", "--on-approval", "deny"]);
  }

  test("a plan that is not JSON is sent back twice and then reported", async () => {
    const script = await writeScript(path.join(cli.folder, "prose.json"), [
      { match: { agent: "planner" }, reply: { text: "I would rather talk about it." } },
    ]);
    const result = await cli.json(repository, ["plan", goal, "--model", script]);
    expect(result.code).toBe(3);
    expect(result.value.plan).toMatchObject({ status: "failed", reason: "plan_invalid" });
    expect(result.value.plan.planning.turns).toBe(3);
  });

  test("an unknown tool, a wrong argument and a path outside are refused, and the step goes on", async () => {
    const outside = path.join(cli.folder, "outside.txt");
    const result = await runWith(
      "astray",
      {
        toolCalls: [
          call("format_disk", {}),
          call("read_file", { file: "x" }),
          call("read_file", { path: "../../etc/passwd" }),
        ],
      },
      {
        toolCalls: [
          call("write_file", { path: outside, content: "x" }),
          call("write_file", { path: ".git/hooks/x", content: "x" }),
        ],
      },
      { toolCalls: [editSum] },
      finish("Mended."),
    );
    expect(result.code, result.stderr).toBe(0);
    expect(() => readFileSync(outside)).toThrow("ENOENT");
    expect(readdirSync(path.join(repository, ".git", "hooks")).includes("x")).toBe(false);
    const logs = await cli.json(repository, ["logs", result.value.plan.id]);
    const states = logs.value.events
      .filter(({ type, stepId }: Json) => type === "tool.finished" && stepId === "fix")
      .map(({ data }: Json) => `${data.tool} ${data.state}`);
    expect(states.slice(0, 5)).toEqual([
      "format_disk failed",
      "read_file failed",
      "read_file denied",
      "write_file denied",
      "write_file denied",
    ]);
  });

  test("a symbolic link that leads out is not followed", async () => {
    const folder = await makeRepository(path.join(cli.folder, "linked"));
    writeFileSync(path.join(cli.folder, "secret.txt"), "canary-7261\n");
    symlinkSync(path.join(cli.folder, "secret.txt"), path.join(folder, "src", "link.txt"));
    git(folder, "add", "--all");
    git(folder, "commit", "--quiet", "--message=link");
    const script = await writeScript(path.join(cli.folder, "linked.json"), [
      ...counterFrame,
      ...turns(
        "code-writer",
        "fix",
        { toolCalls: [call("read_file", { path: "src/link.txt" })] },
        { toolCalls: [editSum] },
        finish("Mended."),
      ),
    ]);
    const run = await cli.json(folder, ["run", goal, "--model", script, "--yes"]);
    expect(run.code, run.stderr).toBe(0);
    const logs = await cli.run(folder, ["logs", run.value.plan.id, "--output", "ndjson"]);
    expect(logs.stdout).not.toContain("canary-7261");
  });

  test("a writer that changes nothing fails its check, with the reason", async () => {
    const nothing = Array.from({ length: 5 }, () => finish("Done, trust me."));
    const result = await runWith("idle", ...nothing);
    expect(result.code).toBe(3);
    expect(result.value.plan).toMatchObject({ status: "failed", reason: "check_failed" });
    expect(git(repository, "branch", "--list", result.value.plan.branch ?? "ossaat/none")).toBe("");
  });

  test("a budget that is used up ends the run with 8", async () => {
    const result = await cli.json(repository, ["run", goal, "--model", model, "--yes", "--max-tokens", "1500"]);
    expect(result.code).toBe(8);
    expect(result.value.plan).toMatchObject({ status: "failed", reason: "budget" });
  });
});
