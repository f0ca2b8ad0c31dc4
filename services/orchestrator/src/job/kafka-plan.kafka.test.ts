// Plans on SQLite and a real broker of Kafka: outbox, relay, queue, claims. The broker is killed and the
// group disturbed while they run; what the log says in the end must be what it says without.
import { setTimeout as sleep } from "node:timers/promises";

import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { systemClock } from "../clock.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { disturbGroup, openKafkaQueue } from "../testing/kafka-under-test.ts";
import type { KafkaUnderTest } from "../testing/kafka-under-test.ts";
import { statusesOf } from "../testing/look.ts";
import { endByLastStep } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { jobsTopic, stateTopic, workersGroup } from "./adapters/kafka/topics.ts";
import { completeStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { describeRelayOutage } from "./relay-outage.contract.ts";
import { createRelay } from "./relay.ts";
import { StepStates } from "./step-states.ts";
import { createSweeper } from "./sweeper.ts";
import { createWorker } from "./worker.ts";

const pool = "default";
const workers = 3;
/** Of each worker. */
const slots = 2;
const endMs = 90_000;

/** Two chains that meet, so that some steps run at once and all wait for others. */
function planOf(n: number) {
  const chain = (name: string) =>
    Array.from({ length: 5 }, (_, i) =>
      testStep(`${name}${i}`, { action: "audit", needs: i === 0 ? [] : [`${name}${i - 1}`] }),
    );
  const id = PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
  return testPlan([...chain("a"), ...chain("b"), testStep("z", { action: "audit", needs: ["a4", "b4"] })], { id });
}
const steps = [0, 1, 2, 3, 4].flatMap((i) => [`a${i}`, `b${i}`]).concat("z", "plan.finish");
const allSucceeded = { plan: "succeeded", ...Object.fromEntries(steps.map((step) => [step, "succeeded"])) };

let server: KafkaServer;
let engine: TestEngine;
let running: { stop(): Promise<void> }[];
let opened: KafkaUnderTest[];
/** Step of each plan whose end was recorded, in order. */
let ended: string[];

beforeAll(async () => {
  server = await startKafka();
});
afterAll(() => server.remove());
beforeEach(async () => {
  const made = await openTestEngine();
  engine = { ...made, clock: { ...made.clock, ...systemClock } };
  running = [];
  opened = [];
  ended = [];
});
afterEach(async () => {
  for (const part of running) await part.stop();
  for (const { queue } of opened) await queue.close({ drainMs: 2_000 });
  await engine.remove();
});

async function runStep(claim: Claim): Promise<void> {
  await sleep(20);
  if (claim.step.kind === "finish") await endByLastStep(engine, claim);
  else await completeStep(engine, claim, { summary: "" });
  ended.push(`${claim.planId.slice(-1)}/${claim.stepId}`);
}

/** As several processes would have it: each worker with a connection of its own, one relay. */
async function startAll(): Promise<{ namespace: string; first: KafkaUnderTest }> {
  const first = openKafkaQueue(server);
  const { namespace } = first.options;
  await first.queue.ensureTopology([pool]);
  opened.push(first);
  for (let n = 0; n < workers; n += 1) {
    const subject = openKafkaQueue(server, { namespace });
    opened.push(subject);
    const worker = createWorker({ engine, queue: subject.queue, runStep, workerId: `worker-${n}`, pool, slots });
    worker.start();
    running.push(worker);
  }
  const sweeper = createSweeper(engine);
  sweeper.start();
  const relay = createRelay({ engine, queue: first.queue, pools: [pool], slots: workers * slots });
  relay.start();
  running.unshift(relay, sweeper);
  return { namespace, first };
}

async function expectAllDone(plans: readonly string[]): Promise<void> {
  for (const id of plans) {
    expect(await statusesOf(engine, id)).toEqual(allSucceeded);
    expect(await auditPlan(engine, id)).toEqual([]);
  }
  expect(new Set(ended).size).toBe(ended.length);
}

const planEnds = (plans: readonly string[]) =>
  waitUntil(
    "the plans end",
    async () => {
      const states = await Promise.all(plans.map((id) => statusesOf(engine, id)));
      return states.every(({ plan }) => plan === "succeeded" || plan === "failed");
    },
    endMs,
  );

async function store(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push(await storeApproved(engine, planOf(n)));
  return ids;
}

test("a plan whose broker is killed in its middle ends like any other", async () => {
  await startAll();
  const plans = await store(2);
  await waitUntil("it is under way", () => ended.length >= 4, endMs);
  await server.kill();
  await sleep(1_000);
  await server.start();
  await planEnds(plans);
  await expectAllDone(plans);
});

test("C30K C31K rebalances in the middle of claims complete no step twice", async () => {
  const { namespace, first } = await startAll();
  const plans = await store(4);
  const { brokers } = first.options;
  const over = new AbortController();
  const disturbing = (async () => {
    for (let n = 0; !over.signal.aborted && n < 20; n += 1) {
      await disturbGroup(brokers, workersGroup(namespace, pool), jobsTopic(namespace, pool));
    }
  })();
  await planEnds(plans);
  over.abort();
  await disturbing;
  await expectAllDone(plans);
});

test("the states of steps are kept in a compacted topic for others to read", async () => {
  const { namespace, first } = await startAll();
  const states = new StepStates({ ...engine, send: (records) => first.queue.sendStates(records) });
  states.start();
  const plans = await store(1);
  await planEnds(plans);
  await states.flush();
  await states.stop();
  const kafka = new Kafka({ brokers: [...first.options.brokers], logLevel: logLevel.NOTHING });
  const last = new Map<string, { state: string; seq: number }>();
  const reader = kafka.consumer({ groupId: `${namespace}.reading`, maxWaitTimeInMs: 50 });
  await reader.connect();
  await reader.subscribe({ topic: stateTopic(namespace), fromBeginning: true });
  await reader.run({
    autoCommit: false,
    eachMessage: ({ message: { key, value } }) => {
      const read = JSON.parse(String(value)) as { state: string; seq: number };
      if (read.seq >= (last.get(String(key))?.seq ?? 0)) last.set(String(key), read);
      return Promise.resolve();
    },
  });
  const stateOf = (step: string) => last.get(`${plans[0]}:${step}`)?.state;
  await waitUntil("all are read", () => steps.every((step) => stateOf(step) === "succeeded"), endMs);
  await reader.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: stateTopic(namespace), configNames: ["cleanup.policy"] }],
  });
  await admin.disconnect();
  expect(resources[0]?.configEntries.map(({ configValue }) => configValue)).toEqual(["compact"]);
});

describeRelayOutage("Kafka", {
  open: () => openKafkaQueue(server).queue,
  kill: () => server.kill(),
  start: () => server.start(),
});
