// Outputs that cannot be written, a server that is stopped under a command, and Ctrl+C: each ending
// says what goes on and how.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import path from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { makeRepository } from "./testing/make-repository.ts";
import { createCli, ossaatEntry } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import {
  call,
  counterFrame,
  counterPlan,
  counterScript,
  editSum,
  finish,
  turns,
  writeScript,
} from "./testing/script.ts";

const goal = "Let sum in src/sum.js add";

let cli: Cli;
let repository: string;
let quick: string;
let slow: string;
let slowPlanner: string;
let counter = 0;

beforeAll(async () => {
  cli = await createCli();
  quick = await writeScript(path.join(cli.folder, "quick.json"), counterScript);
  slow = await writeScript(path.join(cli.folder, "slow.json"), [
    ...counterFrame,
    ...turns("code-writer", "fix", { delayMs: 20_000, toolCalls: [editSum] }, finish("Mended.")),
  ]);
  slowPlanner = await writeScript(
    path.join(cli.folder, "slow-planner.json"),
    turns("planner", "plan.1", { delayMs: 20_000, toolCalls: [call("propose_plan", counterPlan)] }),
  );
});

beforeEach(async () => {
  counter += 1;
  repository = await makeRepository(path.join(cli.folder, `repository-${counter}`));
});

afterAll(() => cli.close());

type Started = { child: ChildProcess; stderr: () => string; code: Promise<number | null> };

function start(...words: string[]): Started {
  const child = spawn(process.execPath, [ossaatEntry, ...words], { cwd: repository, env: cli.env, stdio: "pipe" });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.resume();
  return { child, stderr: () => stderr, code: once(child, "close").then(([code]) => code as number | null) };
}

async function waitFor<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it never came");
}

async function planWhere(fits: (plan: Json) => boolean): Promise<Json> {
  return waitFor(async () => (await cli.json(repository, ["runs"])).value.plans.find(fits));
}

test("a reader of both outputs that left does not keep a run from being approved", async () => {
  const { child, code } = start("run", goal, "--yes", "--model", quick);
  child.stdout?.destroy();
  child.stderr?.destroy();
  expect(await code).toBe(141);
  const { id } = await planWhere(() => true);
  const watched = await cli.json(repository, ["watch", id]);
  expect([watched.code, watched.value.plan.status], watched.stderr).toEqual([0, "succeeded"]);
});

test("an output that is full is told", async () => {
  await cli.run(repository, ["plan", goal, "--model", "none"]);
  const stdio: ["ignore", number, "pipe"] = ["ignore", openSync("/dev/full", "w"), "pipe"];
  const args = [ossaatEntry, "runs"];
  const result = spawnSync(process.execPath, args, { cwd: repository, env: cli.env, stdio, encoding: "utf8" });
  expect([result.status, result.stderr]).toEqual([1, expect.stringContaining("cannot be written (ENOSPC)")]);
  expect(result.stderr).toMatch(/^Next: /mu);
});

test("a server that is stopped ends what watches it, and names what resumes", async () => {
  const { code, stderr } = start("run", goal, "--yes", "--model", slow);
  const { id } = await planWhere(({ status }) => status === "running");
  const down = await cli.run(repository, ["down"]);
  expect(down.code, down.stderr).toBe(0);
  expect(await code).toBe(7);
  expect(stderr()).toContain(`The server was stopped; \`ossaat watch ${id}\` resumes.`);
  expect(stderr()).toContain(`Next: ossaat watch ${id}`);
  expect((await cli.run(repository, ["cancel", id])).code).toBe(0);
});

test("a --yes that cannot be given any more, because planning goes on without its command, is told", async () => {
  const stopped = start("run", goal, "--yes", "--model", slowPlanner);
  const { id } = await planWhere(({ status }) => status === "draft");
  expect((await cli.run(repository, ["down"])).code).toBe(0);
  expect(await stopped.code).toBe(7);
  expect(stopped.stderr()).toContain(
    `The server was stopped; \`ossaat watch ${id}\` resumes. --yes is not kept: the plan will wait for your approval.`,
  );
  expect(stopped.stderr()).toContain(`Next: \`ossaat watch ${id}\`; then \`ossaat approve ${id} --watch\``);
  expect((await cli.run(repository, ["cancel", id])).code).toBe(0);
});

test("Ctrl+C while a plan is made names it, and twice cancels it", async () => {
  const left = start("plan", goal, "--model", slowPlanner);
  const { id } = await planWhere(({ status }) => status === "draft");
  left.child.kill("SIGINT");
  expect(await left.code).toBe(130);
  expect(left.stderr()).toContain(`Otherwise it goes on:\n  ossaat watch ${id}\n  ossaat cancel ${id}\n`);
  await cli.run(repository, ["cancel", id]);
  const twice = start("plan", goal, "--model", slowPlanner);
  const second = await planWhere(({ status }) => status === "draft");
  twice.child.kill("SIGINT");
  await waitFor(() => (twice.stderr().includes("Ctrl+C again") ? true : undefined));
  twice.child.kill("SIGINT");
  expect(await twice.code).toBe(130);
  const shown = await cli.json(repository, ["show", second.id]);
  expect(["cancelling", "cancelled"]).toContain(shown.value.plan.status);
});

test("steps that were never run are not counted as done", async () => {
  await cli.run(repository, ["plan", goal, "--model", quick]);
  expect((await cli.run(repository, ["cancel"])).code).toBe(0);
  const { steps } = await planWhere(({ status }) => status === "cancelled");
  expect(steps).toEqual({ total: 3, done: 0 });
});
