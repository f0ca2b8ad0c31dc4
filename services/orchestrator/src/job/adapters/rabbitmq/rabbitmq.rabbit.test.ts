// The contract of a job queue on a real RabbitMQ, through a wire that can be cut and blocked.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startProxy, startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { systemClock, systemIds } from "../../../clock.ts";
import { consumeAndDie, publishAndDie } from "../../../testing/queue-deaths.ts";
import type { JobQueueUnderTest } from "../../../testing/queue-under-test.ts";
import { envelope as envelopeOf, pool } from "../../../testing/queue-under-test.ts";
import { testRabbitmqQueue, testTuning } from "../../../testing/rabbitmq-queue.ts";
import { noStore } from "../../durability-cases.ts";
import { describeJobQueue } from "../../job-queue.contract.ts";
import { createRabbitmqQueue } from "./rabbitmq.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

const module = fileURLToPath(new URL("../../../testing/rabbitmq-queue.ts", import.meta.url));

async function inject(queue: string, bytes: Buffer): Promise<void> {
  const connection = await connect(server.url);
  const channel = await connection.createConfirmChannel();
  channel.sendToQueue(queue, bytes);
  await channel.waitForConfirms();
  await connection.close();
}

async function openQueue(): Promise<JobQueueUnderTest> {
  const prefix = `t${randomUUID().slice(0, 8)}`;
  const proxy = await startProxy(server.port);
  const url = new URL(server.url);
  url.port = String(proxy.port);
  const entry = { module, address: JSON.stringify({ url: server.url, prefix }) };
  return {
    queue: testRabbitmqQueue({ url: url.href, prefix }),
    passRetryPause: () => sleep(testTuning.minRetryMs + 200),
    inject: (to, bytes) => inject(`${prefix}.jobs.${to}`, bytes),
    stall() {
      proxy.hold();
      return Promise.resolve(() => Promise.resolve(proxy.release()));
    },
    consumeAndDie: (from, count) => consumeAndDie(entry, from, count),
    publishAndDie: (envelopes) => publishAndDie(entry, pool, envelopes),
    cutConnection: () => Promise.resolve(proxy.cut()),
    remove: () => proxy.remove(),
  };
}

describeJobQueue("RabbitMQ", noStore, openQueue);

test("an orderly end is no error", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const prefix = `t${randomUUID().slice(0, 8)}`;
  const queue = createRabbitmqQueue({
    url: server.url,
    prefix,
    rng: Math.random,
    ids: systemIds,
    clock: systemClock,
    onError,
  });
  await queue.ensureTopology([pool]);
  const subscription = queue.subscribe(pool, 2, (delivery) => delivery.settle("done"));
  queue.subscribe(pool, 2, (delivery) => delivery.settle("done"));
  await sleep(200);
  await subscription.close();
  await queue.close({ drainMs: 5_000 });
  expect(errors).toEqual([]);
});

test("a user who may too little is told the rights it needs, and they are enough for all", async () => {
  const prefix = "own.words";
  const url = new URL(server.url);
  [url.username, url.password, url.pathname] = ["clerk", "secret", "/office"];
  await server.control("add_user", "clerk", "secret");
  await server.control("add_vhost", "office");
  const queues = String.raw`^own\.words\..*`;
  await server.control("set_permissions", "-p", "office", "clerk", queues, queues, queues);
  const queue = testRabbitmqQueue({ url: url.href, prefix });
  await expect(queue.ensureTopology([pool])).rejects.toMatchObject({ code: "forbidden" });
  const missing = expect.stringContaining("does not let its user make the queue own.words.jobs.default");
  await expect.poll(() => queue.health(), { timeout: 30_000 }).toMatchObject({ ok: false, detail: missing });
  const [, command = ""] = /\(`(.+)`\)/u.exec(String((await queue.health()).next)) ?? [];
  const words = [...command.matchAll(/'([^']*)'|(\S+)/gu)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  expect(words.slice(0, 5)).toEqual(["rabbitmqctl", "set_permissions", "-p", "office", "clerk"]);
  await server.control(...words.slice(1));
  await expect.poll(() => queue.health(), { timeout: 30_000 }).toMatchObject({ ok: true });
  await queue.ensureTopology([pool]);
  const taken: string[] = [];
  queue.subscribe(pool, 1, async (delivery) => {
    taken.push(delivery.envelope.messageId);
    await delivery.settle(taken.length === 1 ? "reject" : "done", "not yet");
  });
  expect(await queue.publish([envelopeOf(1)])).toEqual([{ accepted: true }]);
  const letters = async () => (await queue.deadLetters.list(pool, 5)).letters;
  await expect.poll(letters, { timeout: 30_000 }).toHaveLength(1);
  const all = { choose: (heads: readonly { id: string }[]) => heads.map(({ id }) => id) };
  expect(await queue.deadLetters.end(pool, all, "requeue")).toHaveLength(1);
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(2);
  await queue.close({ drainMs: 1_000 });
});

test.each([
  ["a wrong password", (url: URL) => void (url.password = "wrong")],
  ["a virtual host that is not there", (url: URL) => void (url.pathname = "/nowhere")],
])("a broker that refuses for %s is not told to be started", async (_what, change) => {
  const url = new URL(server.url);
  change(url);
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const queue = createRabbitmqQueue({ url: url.href, rng: Math.random, ids: systemIds, clock: systemClock, onError });
  const refused = expect.stringMatching(/^RabbitMQ at .* refused the user, the password or the virtual host/u);
  await expect.poll(() => queue.health(), { timeout: 30_000 }).toMatchObject({ ok: false, detail: refused });
  expect(await queue.health()).toMatchObject({ next: expect.stringContaining("OSSAAT_QUEUE_PASSWORD") });
  await expect(queue.depth(pool)).rejects.toMatchObject({ code: "unavailable", message: refused });
  expect(errors).toContainEqual(expect.objectContaining({ message: refused }));
  await queue.close({ drainMs: 1_000 });
});
