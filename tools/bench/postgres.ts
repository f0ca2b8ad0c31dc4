// Steps a second through the durable engine on PostgreSQL, against the bare statements of a claim and a
// completion, each in a transaction of its own on the same server, as many at once; and how soon a step starts
// when many plans are open.
import { Client } from "pg";

import { startPostgres } from "../../packages/testkit/src/servers/start-postgres.ts";
import type { PostgresServer } from "../../packages/testkit/src/servers/start-postgres.ts";
import { openPostgresStore } from "../../services/orchestrator/src/store/adapters/postgres.ts";
import { openLoadEngine, rateOfSteps, runSteps, storeNoOps } from "./engine-load.ts";
import type { LoadEngine } from "./engine-load.ts";
import { interleave, quantile, toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { storeOpenPlans } from "./open-plans.ts";
import type { Bench } from "./report.ts";

const plans = 24;
const stepsPerPlan = 12;
const slots = 8;
const rawSteps = 600;
const rounds = 5;

const few = 100;
const many = 10_000;
const probes = 120;

async function openEngine(url: string): Promise<LoadEngine> {
  return openLoadEngine(await openPostgresStore({ url, slots }));
}

async function engineRate(server: PostgresServer): Promise<number> {
  return rateOfSteps(await openEngine(await server.createDatabase()), { plans, steps: stepsPerPlan, slots });
}

const rawTable = "create table step (id int primary key, status text, fence int, owner text, result text)";
const rawIndex = "create index step_ready on step (id) where status = 'ready'";
const rawRows = `insert into step select n, 'ready', 0, null, null from generate_series(1, ${rawSteps}) n`;
const claim = `update step set status = 'running', fence = fence + 1, owner = $1
  where id = (select id from step where status = 'ready' order by id limit 1 for update skip locked)
  returning id, fence`;
const complete = `update step set status = 'succeeded', owner = null, result = $1
  where id = $2 and fence = $3 and status = 'running'`;

/** Claims and completes, each in a transaction of its own, until nothing is ready. */
async function runRaw(client: Client): Promise<number> {
  for (let done = 0; ; done += 1) {
    await client.query("begin");
    const { rows } = await client.query<{ id: number; fence: number }>({
      name: "claim",
      text: claim,
      values: ["bench"],
    });
    await client.query("commit");
    const [step] = rows;
    if (step === undefined) return done;
    await client.query("begin");
    const values = ['{"summary":""}', step.id, step.fence];
    await client.query({ name: "complete", text: complete, values });
    await client.query("commit");
  }
}

/** Steps a second of nothing but the two statements, on `slots` connections. */
export async function rawRate(server: PostgresServer): Promise<number> {
  const connectionString = await server.createDatabase();
  const clients = Array.from({ length: slots }, () => new Client({ connectionString }));
  try {
    for (const client of clients) await client.connect();
    await clients[0]?.query(rawTable);
    await clients[0]?.query(rawRows);
    await clients[0]?.query(rawIndex);
    const start = performance.now();
    const done = await Promise.all(clients.map((client) => runRaw(client)));
    const seconds = (performance.now() - start) / 1000;
    const all = done.reduce((sum, each) => sum + each, 0);
    if (all !== rawSteps) throw new Error(`${all} rows were completed instead of ${rawSteps}`);
    return all / seconds;
  } finally {
    for (const client of clients) await client.end();
  }
}

type Starts = {
  /** Milliseconds from the commit that made a step ready to its begin. */
  take(): Promise<number>;
  stop(): Promise<void>;
};

/** An engine among many open plans, whose new steps are timed. */
async function openStarts(server: PostgresServer, open: number): Promise<Starts> {
  const url = await server.createDatabase();
  const engine = await openEngine(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await storeOpenPlans(engine, client, open);
  } finally {
    await client.end();
  }
  const numbers = { next: 10_000_000 };
  let readyAt = 0;
  let startedAt = 0;
  const running = runSteps(engine, {
    slots,
    onStart: ({ step }) => {
      if (step.kind !== "finish") startedAt = performance.now();
    },
  });
  const wake = engine.wakeQueue.bind(engine);
  engine.wakeQueue = () => {
    if (startedAt === 0) readyAt = performance.now();
    wake();
  };
  return {
    async take() {
      startedAt = 0;
      const ended = running.ended(1);
      await storeNoOps(engine, numbers, { plans: 1, steps: 1 });
      await ended;
      return startedAt - readyAt;
    },
    async stop() {
      await running.stop();
      await engine.close();
    },
  };
}

async function measureStarts(server: PostgresServer): Promise<Result[]> {
  const quiet = await openStarts(server, few);
  const full = await openStarts(server, many);
  const series = await interleave(
    probes,
    () => full.take(),
    () => quiet.take(),
  );
  await quiet.stop();
  const before = collectGarbage();
  await full.stop();
  const perPlan = (before - collectGarbage()) / many;
  const goal = { of: "ratio", relation: "≤", limit: 2 } as const;
  const row = {
    unit: "ms p95",
    baselineName: `${few} open plans`,
    pick: (of: readonly number[]) => quantile(of, 0.95),
  };
  return [
    toResult({ ...row, id: "postgres.start-10000", goal }, series),
    toResult(
      { id: "postgres.heap-per-plan", unit: "bytes", goal: null, baselineName: null },
      { ours: [Math.max(0, perPlan)], baseline: [] },
    ),
  ];
}

async function run(): Promise<Result[]> {
  const server = await startPostgres({ commits: "disk" });
  try {
    const series = await interleave(
      rounds,
      () => engineRate(server),
      () => rawRate(server),
    );
    const goal = { of: "ratio", relation: "≥", limit: 0.45 } as const;
    const row = { id: "postgres.steps", unit: "steps/s", baselineName: "raw claim + complete", goal };
    return [toResult(row, series), ...(await measureStarts(server))];
  } finally {
    await server.remove();
  }
}

export const postgresEngine: Bench = {
  ids: ["postgres.steps", "postgres.start-10000", "postgres.heap-per-plan"],
  run,
};
