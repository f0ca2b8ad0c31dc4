// The demo's plan on three stacks: one process with the embedded queue; PostgreSQL with RabbitMQ; PostgreSQL
// with Kafka. On the last two it runs on two API and three worker processes, of which one is killed every 2 s.
// Each must come to the same outcome, event for event modulo ids and times.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { loadConfig } from "../../apps/cli/src/config.ts";
import { countTurns } from "../../apps/cli/src/demo/count-turns.ts";
import { makeSample } from "../../apps/cli/src/demo/make-sample.ts";
import { readServerFile } from "../../apps/cli/src/server/server-file.ts";
import { serve } from "../../apps/cli/src/server/serve.ts";
import { comparableOutcome } from "../../apps/cli/src/testing/comparable-log.ts";
import { startFleet } from "../../apps/cli/src/testing/fleet.ts";
import { killInTurn } from "../../apps/cli/src/testing/kill-in-turn.ts";
import { openDatabase } from "../../apps/cli/src/testing/open-database.ts";
import { checkPlan, describeFinding, readPlanFacts } from "../../packages/testkit/src/index.ts";
import { makeServices, servicesOf } from "../chaos/deployment/entries.ts";
import { startStack } from "../chaos/deployment/stack.ts";
import type { StackName } from "../chaos/deployment/stack.ts";
import { problemsOf } from "./compare-runs.ts";
import type { StackRun } from "./compare-runs.ts";
import { runPlan } from "./run-plan.ts";
import type { PlanRun } from "./run-plan.ts";

const folder = path.resolve(".tools/demo-stacks");
const apis = 2;
const workers = 3;
/** Every limit as in use. */
const noHaste = { engine: {}, kafka: {}, rabbitmq: {} };

type Ran = PlanRun & { home: string; killed: string[]; problems: string[]; startedAt: number };

async function finish(stack: string, { state, events, home, killed, problems, startedAt }: Ran): Promise<StackRun> {
  return {
    stack,
    status: state.status,
    seconds: Math.round((Date.now() - startedAt) / 100) / 10,
    events: events.length,
    killed,
    turns: await countTurns(path.join(home, "requests.jsonl")),
    outcome: comparableOutcome(events, home),
    problems,
  };
}

/** A folder of the stack's own with the sample in it. */
async function makeHome(name: string): Promise<{ home: string; sample: string }> {
  const home = path.join(folder, name);
  return { home, sample: await makeSample(home) };
}

async function runEmbedded(): Promise<StackRun> {
  const { home, sample } = await makeHome("embedded");
  const stateDir = path.join(home, "state");
  const environment = {
    ...process.env,
    OSSAAT_STATE_DIR: stateDir,
    XDG_CACHE_HOME: path.join(home, "cache"),
    HOME: home,
  };
  const config = { ...(await loadConfig({ environment })), modelRequestLog: path.join(home, "requests.jsonl") };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const server = await serve({ config, sandbox: "auto", port: 0, idleMs: undefined, log });
  const startedAt = Date.now();
  try {
    const token = readServerFile(stateDir)?.token ?? "";
    const run = await runPlan({ url: server.url, token }, sample);
    return await finish("embedded", { ...run, home, killed: [], problems: [], startedAt });
  } finally {
    await server.stop("done");
  }
}

async function runDeployment(name: StackName): Promise<StackRun> {
  const { home, sample } = await makeHome(name);
  const stack = await startStack(name);
  try {
    const storeUrl = await stack.postgres.createDatabase();
    const fleet = await startFleet({
      folder: path.join(home, "fleet"),
      storeUrl,
      settings: stack.queueSettings("demo"),
      requestLog: path.join(home, "requests.jsonl"),
      apis,
      workers,
      sandbox: "auto",
      services: servicesOf({ folder: path.join(folder, "services"), limits: noHaste }),
    });
    const database = await openDatabase(storeUrl);
    try {
      await fleet.ready();
      const startedAt = Date.now();
      let isOver = false;
      const killing = killInTurn(fleet, database.query, { isOver: () => isOver, seed: 5 });
      const server = { url: fleet.gatewayUrl, token: fleet.token };
      const run = await runPlan(server, sample).finally(() => (isOver = true));
      const killed = await killing;
      const problems = checkPlan(await readPlanFacts(database.query, run.state.id)).map(describeFinding);
      return await finish(`PostgreSQL + ${name}`, { ...run, home, killed, problems, startedAt });
    } finally {
      await database.close();
      await fleet.close();
    }
  } finally {
    await stack.remove();
  }
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(path.join(folder, "services"), { recursive: true });
await makeServices(path.join(folder, "services"));
const embedded = await runEmbedded();
const runs = [embedded];
for (const name of ["rabbit", "kafka"] as const) runs.push(await runDeployment(name));
const problems = runs.flatMap((run) => problemsOf(run, embedded));
for (const { stack, status, seconds, events, killed, turns } of runs) {
  const kills = killed.length === 0 ? "nothing killed" : `${killed.length} killed (${killed.join(" ")})`;
  console.log(
    `${stack}: ${status} in ${seconds} s, ${events} events, ${turns.delivered} turns, ${turns.boughtTwice} bought twice, ${kills}`,
  );
}
for (const problem of problems) console.log(problem);
const passed = runs.length - new Set(problems.map((problem) => problem.split(":")[0])).size;
if (existsSync(".tools/reports")) {
  writeFileSync(".tools/reports/demo-stacks.json", JSON.stringify({ passed, failed: runs.length - passed, problems }));
}
console.log(`demo-stacks: ${passed} passed, ${runs.length - passed} failed`);
process.exit(problems.length === 0 ? 0 : 1);
