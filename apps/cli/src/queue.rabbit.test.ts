// Plans over RabbitMQ, from outside: a plan to its end, a broker that is killed under it, wrong addresses.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { counterScript, writeScript } from "./testing/script.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

/** Messages that wait, and dead letters. */
async function countMessages(prefix = "ossaat"): Promise<number[]> {
  const connection = await connect(server.url);
  const channel = await connection.createChannel();
  const queues = [`${prefix}.jobs.default`, `${prefix}.dlq.default`];
  const counts: number[] = [];
  for (const queue of queues) counts.push((await channel.checkQueue(queue)).messageCount);
  await connection.close();
  return counts;
}

describe("a server whose jobs go over RabbitMQ", () => {
  let cli: Cli;
  let repository: string;
  let model: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    const address = new URL(server.url);
    address.password = "";
    cli = await createCli({ OSSAAT_QUEUE_PASSWORD: "guest" });
    env = { OSSAAT_QUEUE: address.href };
    repository = await makeRepository(path.join(cli.folder, "repository"));
    model = await writeScript(path.join(cli.folder, "script.json"), counterScript);
  });
  afterEach(() => cli.close());

  const propose = async (): Promise<string> => {
    const planned = await cli.json(repository, ["plan", "Let sum in src/sum.js add", "--model", model], { env });
    expect(planned.code, planned.stderr).toBe(0);
    return planned.value.plan.id as string;
  };
  const statusOf = async (id: string): Promise<string> =>
    (await cli.json(repository, ["show", id], { env })).value.plan.status as string;
  const expectBranch = (id: string) =>
    expect(git(repository, "show", `ossaat/${id}:src/sum.js`)).toContain("return a + b;");

  test("runs a plan to its end and leaves no message", async () => {
    const id = await propose();
    const run = await cli.json(repository, ["approve", id, "--watch"], { env });
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan).toMatchObject({ status: "succeeded", branch: `ossaat/${id}` });
    expectBranch(id);
    expect(await countMessages()).toEqual([0, 0]);
  });

  test("takes another's virtual host for its own with a prefix", async () => {
    env = { OSSAAT_QUEUE: `${env["OSSAAT_QUEUE"]}?prefix=team-a` };
    const id = await propose();
    const run = await cli.json(repository, ["approve", id, "--watch"], { env });
    expect(run.code, run.stderr).toBe(0);
    // Asking for a queue that was never made fails.
    expect(await countMessages("team-a")).toEqual([0, 0]);
  });

  test("runs a plan on while the broker is killed and comes back", async () => {
    const id = await propose();
    await server.kill();
    const watching = cli.json(repository, ["approve", id, "--watch"], { env });
    expect(await statusOf(id)).not.toBe("succeeded");
    await server.start();
    const run = await watching;
    expect(run.code, run.stderr).toBe(0);
    expect(run.value.plan).toMatchObject({ status: "succeeded" });
    expectBranch(id);
  });

  test("who waits is told that the broker is away: by `up`, `status` and the plan that is watched", async () => {
    const id = await propose();
    await server.kill();
    const away = "The queue takes no messages: RabbitMQ at";
    const up = await cli.run(repository, ["up", "--detach"], { env });
    expect([up.code, up.stdout, up.stderr]).toEqual([
      0,
      expect.stringContaining("was up already"),
      expect.stringContaining(away),
    ]);
    expect((await cli.run(repository, ["status"], { env })).stdout).toMatch(/^Queue +AWAY, RabbitMQ at .* is away$/mu);
    const watching = cli.run(repository, ["approve", id, "--watch", "--yes"], { env });
    // Longer than a plan may be silent before its queue is asked.
    await sleep(12_000);
    await server.start();
    const run = await watching;
    expect([run.code, run.stderr]).toEqual([0, expect.stringContaining(away)]);
    expect((await cli.run(repository, ["status"], { env })).stdout).toMatch(/^Queue +well, RabbitMQ \d/mu);
  });

  test("`ossaat queue status` says which queue is in the way, and is well once it is gone", async () => {
    const connection = await connect(server.url);
    const channel = await connection.createChannel();
    const name = "team-b.dlq.default";
    await channel.assertQueue(name, { durable: true });
    env = { OSSAAT_QUEUE: `${env["OSSAAT_QUEUE"]}?prefix=team-b` };
    const status = async (word: string) => {
      for (let looks = 0; ; looks += 1) {
        const run = await cli.run(repository, ["queue", "status"], { env });
        if (run.stdout.startsWith(word) || looks > 60) return run;
        await sleep(500);
      }
    };
    const wrong = await status("wrong");
    expect([wrong.code, wrong.stdout]).toEqual([7, expect.stringContaining(`The queue ${name} `)]);
    expect(wrong.stderr).toContain(`Next: move what is in ${name}`);
    await channel.deleteQueue(name);
    await connection.close();
    const well = await status("well");
    expect([well.code, well.stdout]).toEqual([0, expect.stringContaining("0 dead letters")]);
  });

  test("`ossaat doctor` says whether the broker answers, and repeats no password", async () => {
    const finding = async (changes: Record<string, string> = {}) => {
      const doctor = await cli.json(repository, ["doctor"], { env: { ...env, ...changes } });
      expect(doctor.stdout + doctor.stderr).not.toContain("hidden");
      return doctor.value.findings.find(({ id }: Json) => id === "queue");
    };
    expect(await finding()).toMatchObject({ status: "ok", message: expect.stringMatching(/^RabbitMQ \d+\.\d+/u) });
    expect(await finding({ OSSAAT_QUEUE_PASSWORD: "hidden" })).toMatchObject({
      status: "fail",
      message: expect.stringContaining("refused the user, the password or the virtual host"),
    });
  });
});
