// Plans over Kafka, from outside: a plan to its end, a broker that is killed under it, wrong addresses.
import path from "node:path";

import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
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
