// A person leaves in every way there is: the run goes on in the server, and no way of leaving looks
// like success.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli, ossaatEntry } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterScript, editSum, finish, turns, writeScript } from "./testing/script.ts";

const goal = "Let sum add";

let cli: Cli;
let repository: string;
let slow: string;

beforeAll(async () => {
  cli = await createCli();
  slow = await writeScript(path.join(cli.folder, "slow.json"), [
    ...counterFrame,
    ...turns("code-writer", "fix", { delayMs: 4_000, toolCalls: [editSum] }, finish("Mended.")),
  ]);
});
let count = 0;
beforeEach(async () => {
  count += 1;
  repository = await makeRepository(path.join(cli.folder, `repository-${count}`));
});
afterAll(() => cli.close());

const environment = () => ({
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  HOME: cli.folder,
  XDG_CACHE_HOME: path.join(cli.folder, "cache"),
  XDG_CONFIG_HOME: path.join(cli.folder, "config"),
  OSSAAT_STATE_DIR: cli.stateDir,
});

const runWords = () => ["run", goal, "--yes", "--model", slow, "--output", "ndjson"];

type Running = { child: ChildProcess; planId: string; ended: Promise<{ code: number | null; signal: string | null }> };

/** Starts a run and returns when its writing step has begun. */
async function startRun(): Promise<Running> {
  const child = spawn(process.execPath, [ossaatEntry, ...runWords()], {
    cwd: repository,
    env: environment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const event: Json = JSON.parse(line);
    if (event.type === "step.started" && event.stepId === "fix") return { child, planId: event.planId, ended };
  }
  throw new Error("the run ended before its step began");
}

/** The run somebody left ends well all the same. */
async function endsWell(planId: string): Promise<void> {
  const watched = await cli.json(repository, ["watch", planId]);
  expect([watched.code, watched.value.plan.status], watched.stderr).toEqual([0, "succeeded"]);
  expect(git(repository, "show", `ossaat/${planId}:src/sum.js`)).toContain("return a + b;");
}

describe("a run that is left by", () => {
  test.each([
    ["SIGINT", { code: 130, signal: null }],
    ["SIGTERM", { code: 143, signal: null }],
    ["SIGHUP", { code: null, signal: "SIGHUP" }],
    ["SIGKILL", { code: null, signal: "SIGKILL" }],
  ] as const)("%s goes on in the server", async (signal, end) => {
    const { child, planId, ended } = await startRun();
    child.kill(signal);
    expect(await ended).toEqual(end);
    await endsWell(planId);
  });

  test("the reader of its output goes on, and does not exit 0", async () => {
    const { child, planId, ended } = await startRun();
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 141, signal: null });
    await endsWell(planId);
  });

  test("a terminal that is closed goes on", async () => {
    const words = [process.execPath, ossaatEntry, ...runWords().slice(0, -2)];
    const command = words.map((word) => `'${word}'`).join(" ");
    const terminal = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: repository,
      env: { ...environment(), TERM: "xterm", SHELL: "/bin/sh" },
      stdio: ["pipe", "pipe", "ignore"],
    });
    const closed = once(terminal, "close");
    let planId: string | undefined;
    while (planId === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { value } = await cli.json(repository, ["runs"]);
      planId = value.plans.find(({ status }: Json) => status === "running")?.id;
    }
    terminal.kill("SIGKILL");
    await closed;
    expect(planId).toMatch(/^plan-/u);
    await endsWell(planId);
  });
});

test("an approval that arrives after a cancel is a conflict, and nothing runs", async () => {
  const script = await writeScript(path.join(cli.folder, "asks.json"), [
    ...counterFrame,
    ...turns("code-writer", "fix", { toolCalls: [call("run_command", { argv: ["touch", "made"] })] }, finish("Done.")),
  ]);
  const parked = await cli.json(repository, ["run", goal, "--yes", "--model", script]);
  expect(parked.code, parked.stderr).toBe(9);
  const { plan } = parked.value;
  const [approval] = plan.approvals;
  expect((await cli.run(repository, ["cancel", plan.id])).code).toBe(0);
  const approved = await cli.run(repository, ["approve", approval.approvalId]);
  expect([approved.code, approved.stderr]).toEqual([1, expect.stringMatching(/already|void|cancel/u) as string]);
  const shown = await cli.json(repository, ["show", plan.id]);
  expect(shown.value.plan.status).toBe("cancelled");
  const { events } = (await cli.json(repository, ["logs", plan.id])).value;
  expect(events.filter(({ type }: Json) => type === "tool.started")).toEqual([]);
});

test("50 plans at once all end well, each on its own branch", async () => {
  const model = await writeScript(path.join(cli.folder, "quick.json"), counterScript);
  const submit = async () => {
    const run = await cli.run(repository, ["run", goal, "--yes", "--detach", "--quiet", "--model", model]);
    expect(run.code, run.stderr).toBe(0);
    return run.stdout.trim();
  };
  const ids: string[] = [];
  for (let batch = 0; batch < 10; batch += 1) {
    ids.push(...(await Promise.all(Array.from({ length: 5 }, submit))));
  }
  for (const id of ids) {
    const { code, stderr } = await cli.run(repository, ["watch", id, "--quiet"]);
    expect(code, stderr).toBe(0);
  }
  const branches = git(repository, "branch", "--list", "ossaat/*", "--format=%(refname:short)").split("\n");
  expect(branches.toSorted()).toEqual(ids.map((id) => `ossaat/${id}`).toSorted());
});
