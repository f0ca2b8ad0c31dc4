// A worker that lost its lease and comes back: the whole server stands still for longer than a lease
// lasts and wakes up in the middle of a model's answer, or of a command.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type { ServerNews, ServerSettings } from "@ossaat/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";

import { countTurns } from "./demo/count-turns.ts";
import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterPlan, editSum, finish, turns, writeScript } from "./testing/script.ts";
import type { Reply } from "./testing/script.ts";

const serverEntry = fileURLToPath(new URL("testing/chaos-server.ts", import.meta.url));
/**
 * A lease that is over soon, and neither a heartbeat nor a look at its silence that is due when the server
 * wakes up: either may come before the sweep and renew a lease that nobody has taken back.
 */
const limits = { leaseMs: 10_000, heartbeatMs: 30_000, silenceCheckMs: 30_000 };
const stillMs = 12_000;

let cli: Cli;
let repository: string;
let server: ChildProcess;
beforeEach(async () => {
  cli = await createCli();
  repository = await makeRepository(path.join(cli.folder, "repository"));
  const settings: ServerSettings = {
    stateDir: cli.stateDir,
    cacheDir: path.join(cli.folder, "cache"),
    requestLog: requestLog(),
    reachedFile: path.join(cli.folder, "reached.log"),
    clockOffsetMs: 0,
    limits,
  };
  server = spawn(process.execPath, [serverEntry, JSON.stringify(settings)], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const [{ ready }] = (await once(server, "message")) as [ServerNews];
  Object.assign(cli.env, { OSSAAT_URL: ready.url, OSSAAT_TOKEN: ready.token });
});
afterEach(async () => {
  server.kill("SIGCONT");
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  await cli.close();
});

const requestLog = () => path.join(cli.folder, "requests.jsonl");
const eventsOf = async (planId: string): Promise<Json[]> => (await cli.json(repository, ["logs", planId])).value.events;

/** Runs a plan, lets the server stand still at an event of the writing step, and gives the log when it has ended well. */
async function standStill(at: string, ...replies: Reply[]): Promise<Json[]> {
  const plan = { ...counterPlan, steps: [{ ...counterPlan.steps[0], commands: ["sleep"] }] };
  const model = await writeScript(path.join(cli.folder, "script.json"), [
    ...turns("planner", "plan.1", { toolCalls: [call("propose_plan", plan)] }),
    ...counterFrame.slice(1),
    ...turns("code-writer", "fix", ...replies),
  ]);
  const words = ["run", "Let sum add", "--yes", "--detach", "--quiet", "--model", model];
  const started = await cli.run(repository, words);
  expect(started.code, started.stderr).toBe(0);
  const planId = started.stdout.trim();
  for (;;) {
    const events = await eventsOf(planId);
    if (events.some(({ type, stepId }) => type === at && stepId === "fix")) break;
    await sleep(50);
  }
  server.kill("SIGSTOP");
  await sleep(stillMs);
  server.kill("SIGCONT");
  const watched = await cli.json(repository, ["watch", planId]);
  expect([watched.code, watched.value.plan.status], watched.stderr).toEqual([0, "succeeded"]);
  expect(git(repository, "show", `ossaat/${planId}:src/sum.js`)).toContain("return a + b;");
  expect(git(repository, "rev-list", "--count", `main..ossaat/${planId}`)).toBe("1");
  return eventsOf(planId);
}

// Long enough to be met in the middle on a busy machine; the lease, which nobody renews, outlasts the next attempt.
const slowAnswer = { delayMs: 3_500, toolCalls: [editSum] };
const slowCommand = { toolCalls: [call("run_command", { argv: ["sleep", "3.5"] }), editSum] };

test.each([
  ["a model's answer", "budget.reserved", slowAnswer],
  ["a command", "tool.started", slowCommand],
])("in the middle of %s: the next attempt does the work, and the old one writes nothing", async (_name, at, first) => {
  const fix = (await standStill(at, first, finish("Mended."))).filter(({ stepId }) => stepId === "fix");
  const lostAt = fix.findIndex(({ type }) => type === "step.lost");
  expect([fix[lostAt]?.attempt, fix[lostAt]?.data.lostCount]).toEqual([1, 1]);
  expect(fix.slice(lostAt + 1).filter(({ attempt }) => attempt === 1)).toEqual([]);
  const edits = fix.filter(({ type, data }) => type === "tool.finished" && data.tool === "edit_file");
  expect(edits.map(({ attempt, data }) => [attempt, data.state])).toEqual([[2, "completed"]]);
  expect((await countTurns(requestLog())).delivered).toBe(7);
});
