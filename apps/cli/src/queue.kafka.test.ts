// Plans over Kafka, from outside: a plan to its end, a broker that is killed under it, wrong addresses.
import path from "node:path";

import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

let broker: KafkaServer;
beforeAll(async () => {
  broker = await startKafka();
});
afterAll(() => broker.remove());

/** Reads the last states of steps by key until those of `keys` have ended. */
async function readStates(topic: string, keys: readonly string[]): Promise<Record<string, string>> {
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
  const reader = kafka.consumer({ groupId: `reading-${topic}`, maxWaitTimeInMs: 50 });
  const last = new Map<string, { state: string; seq: number }>();
  const hasEnded = (key: string) => ["succeeded", "failed", "skipped"].includes(last.get(key)?.state ?? "");
  const { promise: read, resolve } = Promise.withResolvers<void>();
  await reader.connect();
  await reader.subscribe({ topic, fromBeginning: true });
  await reader.run({
    autoCommit: false,
    eachMessage({ message: { key, value } }) {
      const state = JSON.parse(String(value)) as { state: string; seq: number };
      if (state.seq >= (last.get(String(key))?.seq ?? 0)) last.set(String(key), state);
      if (keys.every(hasEnded)) resolve();
      return Promise.resolve();
    },
  });
  await read;
  await reader.disconnect();
  return Object.fromEntries(keys.map((key) => [key, last.get(key)?.state ?? "none"]));
}

describe("a server whose jobs go over Kafka", () => {
  let cli: Cli;
  let repository: string;
  let model: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cli = await createCli();
    env = { OSSAAT_QUEUE: `kafka://${broker.address}` };
    repository = await makeRepository(path.join(cli.folder, "repository"));
    model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
  });
  afterEach(() => cli.close());

  test("runs a plan on while the broker is killed and comes back", async () => {
    const planned = await cli.json(repository, ["plan", "Let sum in src/sum.js add", "--model", model], { env });
    expect(planned.code, planned.stderr).toBe(0);
    const id = planned.value.plan.id as string;
    await broker.kill();
    const watching = cli.json(repository, ["approve", id, "--watch"], { env });
    const during = (await cli.json(repository, ["show", id], { env })).value.plan.status as string;
    expect(during).not.toBe("succeeded");
    await broker.start();
    const run = await watching;
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan).toMatchObject({ status: "succeeded", branch: `ossaat/${id}` });
    expect(git(repository, "show", `ossaat/${id}:src/sum.js`)).toContain("return a + b;");
  });

  test("keeps the states of all steps in a topic for others to read", async () => {
    const queue = `kafka://${broker.address}?namespace=told&partitions=3`;
    const up = await cli.run(repository, ["up", "--detach", "--queue", queue]);
    expect(up.code, up.stderr).toBe(0);
    const run = await cli.json(repository, ["run", "Let sum in src/sum.js add", "--model", model, "--yes"], {
      env: { OSSAAT_QUEUE: queue },
    });
    expect(run.code, run.stderr).toBe(0);
    const { id, steps } = run.value.plan as { id: string; steps: { id: string }[] };
    const keys = [...steps.map((step) => `${id}:${step.id}`), `${id}:plan.finish`];
    const expected = Object.fromEntries(keys.map((key) => [key, "succeeded"]));
    expect(await readStates("told.job-state", keys)).toEqual(expected);
  });

  test("`ossaat doctor` says whether the broker answers, and what an address must be", async () => {
    const finding = async (queue: string) => {
      const doctor = await cli.json(repository, ["doctor"], { env: { OSSAAT_QUEUE: queue } });
      return doctor.value.findings.find(({ id }: Json) => id === "queue");
    };
    expect(await finding(`kafka://${broker.address}`)).toMatchObject({ status: "ok" });
    expect(await finding("kafka://127.0.0.1:9/wrong")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("one of its brokers is no host and port"),
    });
  });
});
