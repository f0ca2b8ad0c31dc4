// A broker that is killed, restarted, frozen and out of memory while the queue works: the K cases.
import { randomUUID } from "node:crypto";

import { setTimeout as sleep } from "node:timers/promises";

import { startProxy, startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { caseList } from "../../../testing/case-list.ts";
import { done, envelope, envelopes, named, pool, QueueBench, stepIds } from "../../../testing/queue-under-test.ts";
import { testRabbitmqQueue, testTuning } from "../../../testing/rabbitmq-queue.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { askQueue } from "../../ask-queue.ts";
import { combinationTitle, noStore } from "../../durability-cases.ts";
import type { Delivery } from "../../job-queue.ts";

const restartMs = 90_000;
/** RabbitMQ 3.10 forgets a quorum queue's log when it is killed in the first half second of the queue's life. */
const settleMs = 2_000;

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

const benches: QueueBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.remove();
});

/** A queue on the real broker, straight or by the wire of `port`. */
async function openBench({
  port = server.port,
  isUp = true,
  tuning = testTuning,
  prefix = `k${randomUUID().slice(0, 8)}`,
} = {}) {
  const url = new URL(server.url);
  url.port = String(port);
  const unused = () => Promise.reject(new Error("no case here needs it"));
  const bench = new QueueBench({
    queue: testRabbitmqQueue({ url: url.href, prefix }, { tuning }),
    passRetryPause: unused,
    inject: unused,
    stall: unused,
    consumeAndDie: unused,
    remove: () => Promise.resolve(),
  });
  benches.push(bench);
  if (isUp) await bench.queue.ensureTopology([pool]);
  return { bench, prefix };
}

function isWell({ queue }: QueueBench, is = true): Promise<void> {
  return waitUntil(`the queue is ${is ? "" : "not "}well`, async () => (await queue.health()).ok === is, restartMs);
}

/** Publishes one after the other until stopped. Returns the steps that were accepted. */
function publishOn(bench: QueueBench) {
  const accepted: string[] = [];
  const state = { isOver: false };
  const publishing = (async () => {
    for (let n = 0; !state.isOver; n += 10) {
      const sent = envelopes(10, n);
      const answers = await bench.queue.publish(sent);
      sent.forEach(({ stepId }, index) => answers[index]?.accepted === true && accepted.push(stepId));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  return {
    accepted,
    async stop() {
      state.isOver = true;
      await publishing;
    },
  };
}

describe(`a broker in trouble: ${combinationTitle(["RabbitMQ"], noStore)}`, () => {
  const cases = caseList(["C23K", "C24K", "C25K", "C27K", "C28K", "C29K", "C30K", "C31K"], "RabbitMQ");

  cases.test("C23K", async () => {
    const { bench } = await openBench();
    await sleep(settleMs);
    const publishing = publishOn(bench);
    await waitUntil("some are accepted", () => publishing.accepted.length >= 200, restartMs);
    await server.kill();
    await isWell(bench, false);
    const before = publishing.accepted.length;
    await server.start();
    await isWell(bench);
    await waitUntil("more are accepted", () => publishing.accepted.length > before, restartMs);
    await publishing.stop();
    bench.subscribe(16, done);
    await waitUntil("all arrive", () => publishing.accepted.every((step) => bench.seen.includes(step)), restartMs);
    await bench.isEmpty();
  });

  cases.test("C24K", async () => {
    const { bench } = await openBench();
    const kept: Delivery[] = [];
    bench.subscribe(2, async (delivery) => {
      if (kept.length > 0) return done(delivery);
      kept.push(delivery);
      await waitUntil("it came again", () => bench.seen.filter((step) => step === "step-0").length > 1, restartMs);
      // Of a connection that is gone: harmless.
      return delivery.settle("reject", "too late");
    });
    await bench.publish(envelopes(3));
    await bench.sawSteps(3);
    await sleep(settleMs);
    await server.kill();
    await isWell(bench, false);
    expect(await bench.queue.publish([envelope(9)])).toEqual([{ accepted: false, reason: "unavailable" }]);
    await server.start();
    await bench.publish(envelopes(3, 3));
    await bench.sawSteps(6);
    await bench.isEmpty();
    expect([new Set(bench.seen), (await bench.queue.deadLetters.list(pool, 9)).letters]).toEqual([
      new Set(stepIds(6)),
      [],
    ]);
  });

  cases.test("C25K", async () => {
    await server.kill();
    const { bench } = await openBench({ isUp: false, tuning: { ...testTuning, waitForConnectionMs: 200 } as never });
    bench.subscribe(1, done);
    await expect(bench.queue.ensureTopology([pool])).rejects.toMatchObject({ code: "unavailable" });
    await expect(bench.queue.depth(pool)).rejects.toMatchObject({ code: "unavailable" });
    expect(await bench.queue.health()).toMatchObject({ ok: false });
    await server.start();
    await bench.publish(envelopes(2));
    await bench.sawSteps(2);
  });

  cases.test("C27K", async () => {
    const proxy = await startProxy(server.port);
    const { bench } = await openBench({ port: proxy.port });
    bench.subscribe(1, done);
    await bench.publish(envelopes(1));
    await bench.sawSteps(1);
    proxy.freezeCurrent();
    await isWell(bench, false);
    await bench.publish(envelopes(1, 1));
    await bench.sawSteps(2);
    await proxy.remove();
  });

  cases.test("C28K", async () => {
    const { bench, prefix } = await openBench();
    bench.subscribe(1, done);
    await bench.publish(envelopes(1));
    await bench.sawSteps(1);
    const operator = await connect(server.url);
    const channel = await operator.createChannel();
    await channel.deleteQueue(`${prefix}.jobs.${pool}`);
    await operator.close();
    await bench.publish(envelopes(1, 1));
    await bench.sawSteps(2);
    await server.control("close_all_connections", "by the test");
    await bench.publish(envelopes(1, 2));
    await bench.sawSteps(3);
  });

  cases.test("C29K", async () => {
    const { bench } = await openBench();
    await bench.publish(envelopes(3));
    await server.alarm(true);
    const held = bench.queue.publish([envelope(3)]);
    await waitUntil("blocked", async () => (await bench.queue.health()).blocked === true, restartMs);
    expect(await bench.queue.publish([envelope(4)])).toEqual([{ accepted: false, reason: "blocked" }]);
    const asked = await askQueue(bench.queue, [pool]);
    expect([asked.health.blocked, asked.pools]).toEqual([true, [{ pool, depth: 3 }]]);
    expect(await bench.queue.deadLetters.count(pool)).toBe(0);
    bench.subscribe(1, done);
    await bench.sawSteps(3);
    await server.alarm(false);
    await held;
    await bench.publish([envelope(4)]);
    await waitUntil("the last arrives", () => bench.seen.includes("step-4"), restartMs);
    expect((await bench.queue.health()).blocked).toBeUndefined();
  });

  cases.test("C31K", async () => {
    const { bench, prefix } = await openBench();
    const total = 400;
    const slow = async (delivery: Delivery) => {
      await sleep(5);
      await done(delivery);
    };
    bench.subscribe(4, slow);
    await bench.publish(envelopes(total));
    const seen = () => new Set([...bench.seen, ...joiners.flatMap((joiner) => joiner.seen)]);
    const joiners: QueueBench[] = [];
    for (let n = 0; n < 20; n += 1) {
      const { bench: joiner } = await openBench({ prefix });
      joiners.push(joiner);
      joiner.subscribe(1, slow);
      await sleep(20);
      // Every second one goes at once, with what it may hold.
      if (n % 2 === 1) await joiner.remove();
    }
    await waitUntil("all are handled", () => seen().size >= total, restartMs);
    await bench.isEmpty();
    expect([seen(), (await bench.queue.deadLetters.list(pool, 9)).letters]).toEqual([new Set(stepIds(total)), []]);
  });

  test("a dead letter that the broker does not take back stays where operators see it", async () => {
    const { bench } = await openBench();
    bench.subscribe(1, (delivery) => delivery.settle("reject", "no good"));
    await bench.publish(envelopes(2));
    const { deadLetters } = bench.queue;
    const list = async () => (await deadLetters.list(pool, 9)).letters;
    await waitUntil("both are dead", async () => (await list()).length === 2, restartMs);
    const ids = (await list()).map(({ id }) => id);
    await server.alarm(true);
    const held = bench.queue.publish([envelope(2)]);
    await waitUntil("blocked", async () => (await bench.queue.health()).blocked === true, restartMs);
    const refused = await deadLetters.end(pool, named(ids[1] ?? ""), "requeue").catch((error: unknown) => error);
    await server.alarm(false);
    await held;
    expect(refused).toMatchObject({ code: "unavailable" });
    await waitUntil("all are there again", async () => (await list()).length >= 2, restartMs);
    expect((await list()).map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  });

  test("short work that fills every slot again and again makes no dead letters", async () => {
    const { bench } = await openBench();
    const slots = 16;
    const total = 600;
    await bench.publish(envelopes(total));
    const busy = { claiming: 0, running: 0 };
    const isFull = () => busy.claiming + busy.running >= slots;
    const resume = () => isFull() || subscription.resume(slots - busy.running);
    const runStep = async (ms: number) => {
      await sleep(ms);
      busy.running -= 1;
      resume();
    };
    // As a worker does: a claim holds a slot, then the step does, which the message does not wait for.
    const subscription = bench.subscribe(slots, async (delivery) => {
      if (isFull()) return delivery.settle("retry_soon");
      busy.claiming += 1;
      if (isFull()) subscription.pause();
      await sleep(5 + (bench.seen.length % 25));
      busy.running += 1;
      void runStep(5 + (bench.seen.length % 11));
      busy.claiming -= 1;
      resume();
      return done(delivery);
    });
    await waitUntil(
      "each was taken or is a dead letter",
      async () => new Set(bench.seen).size + (await bench.queue.deadLetters.list(pool, total)).letters.length >= total,
      restartMs,
    );
    expect((await bench.queue.deadLetters.list(pool, 9)).letters).toEqual([]);
    expect(new Set(bench.seen)).toEqual(new Set(stepIds(total)));
  });

  test("a broker that reads no more holds up no publisher", async () => {
    const proxy = await startProxy(server.port);
    const { bench } = await openBench({ port: proxy.port });
    await bench.publish([envelope(0)]);
    proxy.hold();
    // More than the buffers between us and a broker that has stopped reading.
    const many = envelopes(20_000).map((each) => ({ ...each, traceparent: "0".repeat(1_000) }));
    const answers = await bench.queue.publish(many);
    expect([...new Set(answers.map((answer) => (answer.accepted ? "accepted" : answer.reason)))]).toEqual([
      "unavailable",
    ]);
    proxy.release();
    bench.subscribe(16, done);
    await bench.publish([envelope(50_000)]);
    await waitUntil("the last arrives", () => bench.seen.includes("step-50000"), restartMs);
    await proxy.remove();
  });

  cases.testCompleteness();
});
