// Plans on PostgreSQL whose messages a broker carries: steps a second from the submission of their plan to
// the end of its event stream, against the slower of the two parts alone; and how soon a ready step starts
// when nothing else runs, against a message through the bare client.
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { startKafka } from "../../packages/testkit/src/servers/start-kafka.ts";
import { startPostgres } from "../../packages/testkit/src/servers/start-postgres.ts";
import type { PostgresServer } from "../../packages/testkit/src/servers/start-postgres.ts";
import { startRabbitmq } from "../../packages/testkit/src/servers/start-rabbitmq.ts";
import { openBroker } from "../../services/orchestrator/src/compose/open-broker.ts";
import type { OpenQueue } from "../../services/orchestrator/src/compose/queue-parts.ts";
import { streamEvents } from "../../services/orchestrator/src/event/stream-events.ts";
import type { Engine } from "../../services/orchestrator/src/job/engine.ts";
import { defaultPartitions } from "../../services/orchestrator/src/job/adapters/kafka/kafka-queue.ts";
import { openPostgresStore } from "../../services/orchestrator/src/store/adapters/postgres.ts";
import { countDone, openLoadEngine, runSteps, storeNoOps } from "./engine-load.ts";
import { openRawKafka } from "./kafka-contenders.ts";
import { median, toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import { rawRate } from "./postgres.ts";
import { rateOf } from "./queue-contest.ts";
import { openAmqplib, openRaw } from "./rabbit-contenders.ts";
import type { Bench } from "./report.ts";

const plans = 24;
const stepsPerPlan = 12;
const slots = 8;
const rounds = 5;
const idleProbes = 60;
/** Pause before a probe, ms: what a broker and its clients do for their own must be over. */
const idlePauseMs = 20;

/** Serves the event stream of the plan that the path names. */
async function serveStreams(engine: Engine): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const controller = new AbortController();
    response.on("close", () => controller.abort());
    const stream = { planId: (request.url ?? "").slice(1), afterSeq: 0, signal: controller.signal };
    streamEvents(engine, response as unknown as Parameters<typeof streamEvents>[1], stream).catch(() =>
      response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

/** Resolves when the stream has told that its plan ended. */
async function readToEnd(url: string): Promise<void> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { accept: "text/event-stream" } }, resolve).on("error", reject);
  });
  let text = "";
  for await (const part of response) {
    text += String(part);
    if (text.includes("event: plan.finished\n")) return;
  }
  throw new Error("a stream ended before its plan");
}

async function pathRate(url: string, openQueue: OpenQueue): Promise<number> {
  const engine = openLoadEngine(await openPostgresStore({ url, slots }));
  const streams = await serveStreams(engine);
  const running = runSteps(engine, { slots, openQueue });
  // Connections are made before the first message.
  const warm = running.ended(1);
  const numbers = { next: 0 };
  await storeNoOps(engine, numbers, { plans: 1, steps: 1 });
  await warm;
  try {
    const start = performance.now();
    const ids = await storeNoOps(engine, numbers, { plans, steps: stepsPerPlan });
    await Promise.all(ids.map((id) => readToEnd(`${streams.url}${id}`)));
    const seconds = (performance.now() - start) / 1000;
    await countDone(engine, plans * stepsPerPlan + 1);
    return (plans * stepsPerPlan) / seconds;
  } finally {
    await running.stop();
    streams.server.closeAllConnections();
    streams.server.close();
    await engine.close();
  }
}

async function measurePath(database: PostgresServer, url: string): Promise<Result> {
  const openQueue = await openBroker({ url });
  const raw = await openAmqplib(url);
  const series = { ours: [] as number[], baseline: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const parts = Math.min(await rawRate(database), await rateOf(raw, round));
      const ours = await pathRate(await database.createDatabase(), openQueue);
      if (round === 0) continue;
      series.baseline.push(parts);
      series.ours.push(ours);
    }
  } finally {
    await raw.close();
  }
  const goal = { of: "ratio", relation: "≥", limit: 0.35 } as const;
  return toResult({ id: "rabbit.path", unit: "steps/s", baselineName: "slower of the parts", goal }, series);
}

type Single = { trip(): Promise<number>; close(): Promise<void> };

/** Milliseconds of one message through a client with nothing around it. */
async function openSingle(
  open: (handle: () => void) => Promise<{ send(message: object): unknown; close(): Promise<void> }>,
): Promise<Single> {
  let arrived: () => void = () => undefined;
  const raw = await open(() => arrived());
  return {
    async trip() {
      const { promise, resolve } = Promise.withResolvers<void>();
      arrived = resolve;
      const start = performance.now();
      raw.send({ planId: "plan-1", at: start });
      await promise;
      return performance.now() - start;
    },
    close: () => raw.close(),
  };
}

async function measureIdle(database: PostgresServer, id: string, url: string, raw: Single): Promise<Result> {
  const openQueue = await openBroker({ url });
  const engine = openLoadEngine(await openPostgresStore({ url: await database.createDatabase(), slots }));
  let readyAt = 0;
  let startedAt = 0;
  const onStart: Parameters<typeof runSteps>[1]["onStart"] = ({ step }) => {
    if (step.kind !== "finish") startedAt = performance.now();
  };
  const running = runSteps(engine, { slots, openQueue, onStart });
  const wake = engine.wakeQueue.bind(engine);
  engine.wakeQueue = () => {
    if (startedAt === 0) readyAt = performance.now();
    wake();
  };
  const numbers = { next: 0 };
  const bare: number[] = [];
  const ours: number[] = [];
  for (let probe = 0; probe <= idleProbes; probe += 1) {
    await sleep(idlePauseMs);
    const trip = await raw.trip();
    await sleep(idlePauseMs);
    startedAt = 0;
    const ended = running.ended(1);
    await storeNoOps(engine, numbers, { plans: 1, steps: 1 });
    await ended;
    if (probe === 0) continue;
    bare.push(trip);
    ours.push(startedAt - readyAt);
  }
  await running.stop();
  await engine.close();
  const trip = median(bare);
  const goal = { of: "value", relation: "≤", limit: 3 } as const;
  const row = { id, unit: "ms more than a message", goal, baselineName: null };
  return toResult(row, { ours: ours.map((ms) => ms - trip), baseline: [] });
}

async function run(): Promise<Result[]> {
  const database = await startPostgres({ commits: "disk" });
  const rabbit = await startRabbitmq();
  const kafka = await startKafka();
  try {
    const amqp = await openSingle((handle) => openRaw(rabbit.url, handle));
    const idle = await measureIdle(database, "rabbit.idle-start", rabbit.url, amqp);
    await amqp.close();
    // A message takes longer the more partitions its topic has.
    const records = await openSingle((handle) =>
      openRawKafka(kafka.address, { handle, partitions: defaultPartitions }),
    );
    const idleKafka = await measureIdle(database, "kafka.idle-start", `kafka://${kafka.address}`, records);
    await records.close();
    return [idle, idleKafka, await measurePath(database, rabbit.url)];
  } finally {
    await kafka.remove();
    await rabbit.remove();
    await database.remove();
  }
}

export const brokerPath: Bench = { ids: ["rabbit.idle-start", "kafka.idle-start", "rabbit.path"], run };
