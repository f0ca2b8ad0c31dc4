// The queue on a broker that is killed, stands still, or puts the group together anew.
import { setTimeout as sleep } from "node:timers/promises";

import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";

import { caseList } from "../../../testing/case-list.ts";
import type { CaseList } from "../../../testing/case-list.ts";
import { disturbGroup, openKafkaQueue, rawKafka, testLimits } from "../../../testing/kafka-under-test.ts";
import { QueueBench, done, envelope, envelopes, otherPool, pool, stepIds } from "../../../testing/queue-under-test.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import { combinationTitle, noStore } from "../../durability-cases.ts";
import { jobsTopic, workersGroup } from "./topics.ts";

/** A broker that comes back, a member whose session must end first, and a busy machine. */
const recoveryMs = 60_000;

/** Time after which the broker closes a connection on which nothing happens, ms. */
const idleMs = 5_000;

/** A member that is gone is out before its successor's connection counts as idle. */
const limits = { ...testLimits, sessionMs: 3_000, silentMs: 8_000 };

let server: KafkaServer;
const benches: QueueBench[] = [];
const open = (changes: Parameters<typeof openKafkaQueue>[1] = {}) => {
  const subject = openKafkaQueue(server, { limits, ...changes });
  const bench = new QueueBench(subject);
  benches.push(bench);
  return { ...subject, bench, topic: jobsTopic(subject.options.namespace, pool) };
};
const ready = async (changes?: Parameters<typeof openKafkaQueue>[1]) => {
  const opened = open(changes);
  await opened.queue.ensureTopology([pool, otherPool]);
  return opened;
};

beforeAll(async () => {
  // It closes what was idle, as a broker in use does after ten minutes; not so soon that none could wait for a session.
  server = await startKafka({ settings: { "connections.max.idle.ms": String(idleMs) } });
});
afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.remove()));
});
afterAll(() => server.remove());

function testKills(cases: CaseList): void {
  cases.test("C23K", async () => {
    const { queue, bench } = await ready();
    const confirmed = new Set<string>();
    const stop = new AbortController();
    const publishing = (async () => {
      for (let n = 0; !stop.signal.aborted; n += 10) {
        const batch = envelopes(10, n);
        const results = await queue.publish(batch);
        for (const [index, { accepted }] of results.entries()) if (accepted) confirmed.add(batch[index]?.stepId ?? "");
      }
    })();
    await waitUntil("some are confirmed", () => confirmed.size >= 200, recoveryMs);
    await server.kill();
    const before = confirmed.size;
    await server.start();
    await waitUntil("more are confirmed", () => confirmed.size >= before + 100, recoveryMs);
    stop.abort();
    await publishing;
    bench.subscribe(16, done);
    await waitUntil("all are there", () => [...confirmed].every((step) => bench.seen.includes(step)), recoveryMs);
    await bench.isEmpty();
    expect(confirmed.size).toBeGreaterThanOrEqual(300);
  });

  cases.test("C24K", async () => {
    const { queue, bench } = await ready();
    bench.subscribe(2, done);
    await queue.publish([envelope(1)]);
    await bench.sawSteps(1);
    await bench.isEmpty();
    await server.kill();
    const refused = await queue.publish([envelope(2)]);
    expect(refused).toEqual([{ accepted: false, reason: "unavailable" }]);
    await server.start();
    await waitUntil(
      "accepted again",
      async () => (await queue.publish([envelope(2)]))[0]?.accepted ?? false,
      recoveryMs,
    );
    await waitUntil("delivered again", () => bench.seen.includes("step-2"), recoveryMs);
    await bench.isEmpty();
  });

  cases.test("C25K", async () => {
    await server.kill();
    const { queue, bench } = open();
    bench.subscribe(1, done);
    expect(await queue.health()).toEqual({ ok: false, detail: `Kafka at ${server.address} does not answer` });
    expect(await queue.publish([envelope(1)])).toEqual([{ accepted: false, reason: "unavailable" }]);
    await expect(queue.depth(pool)).rejects.toMatchObject({ code: "unavailable" });
    await server.start();
    const isMade = () =>
      queue.ensureTopology([pool]).then(
        () => true,
        () => false,
      );
    await waitUntil("the topics are made", isMade, recoveryMs);
    expect(await queue.publish([envelope(1)])).toEqual([{ accepted: true }]);
    await waitUntil("delivered", () => bench.seen.includes("step-1"), recoveryMs);
    expect(await queue.health()).toEqual({ ok: true, detail: "Kafka, brokers: 1" });
  });
}

function testSilence(cases: CaseList): void {
  cases.test("C27K", async () => {
    const { queue, bench } = await ready({ limits: { ...limits, requestMs: 1_000, retries: 1 } });
    bench.subscribe(1, done);
    await queue.publish([envelope(1)]);
    await bench.sawSteps(1);
    server.freeze();
    try {
      expect(await queue.publish([envelope(2)])).toEqual([{ accepted: false, reason: "unavailable" }]);
      expect((await queue.health()).ok).toBe(false);
    } finally {
      server.thaw();
    }
    await waitUntil(
      "accepted again",
      async () => (await queue.publish([envelope(3)]))[0]?.accepted ?? false,
      recoveryMs,
    );
    await waitUntil("delivered again", () => bench.seen.includes("step-3"), recoveryMs);
  });

  cases.test("C28K", async () => {
    const { queue, bench } = await ready();
    const subscription = bench.subscribe(1, done);
    await queue.publish([envelope(1)]);
    await bench.sawSteps(1);
    subscription.pause();
    // The connections that publish and ask are idle; the broker closes them.
    await sleep(idleMs + 1_500);
    expect(await queue.publish([envelope(2)])).toEqual([{ accepted: true }]);
    subscription.resume();
    await bench.sawSteps(2);
    await bench.isEmpty();
    await server.stop();
    await server.start();
    await waitUntil(
      "accepted again",
      async () => (await queue.publish([envelope(3)]))[0]?.accepted ?? false,
      recoveryMs,
    );
    await waitUntil("delivered again", () => bench.seen.includes("step-3"), recoveryMs);
  });
}

function testLag(cases: CaseList): void {
  cases.test("C48", async () => {
    const { queue, bench, topic, options } = await ready();
    const sum = async () => (await queue.lag(pool)).reduce((waiting, { lag }) => waiting + lag, 0);
    const sent = Array.from({ length: 30 }, (_, n) => envelope(n, { planId: `plan-0000000${n % 9}` as never }));
    await queue.publish(sent);
    const all = await queue.depth(pool);
    // A send may repeat what a part of the cluster had taken already.
    expect([all >= 30, await sum()]).toEqual([true, all]);
    const [first] = (await queue.lag(pool)).filter(({ lag }) => lag > 0);
    const admin = rawKafka(options.brokers).admin();
    await admin.connect();
    const partitions = [{ partition: first?.partition ?? 0, offset: "1" }];
    // The client deletes only from topics that it was asked about before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions });
    await admin.disconnect();
    expect(await queue.depth(pool)).toBe(all - 1);
    const subscription = bench.subscribe(4, done);
    await bench.isEmpty();
    await subscription.close();
    expect((await queue.lag(pool)).map(({ high, committed }) => high - committed)).toEqual([0, 0, 0]);
    await queue.publish([envelope(31)]);
    expect(await queue.depth(pool)).toBe(1);
  });
}

function testRebalances(cases: CaseList): void {
  cases.test("C30K", async () => {
    const { queue, bench, options, topic } = await ready();
    const group = workersGroup(options.namespace, pool);
    const running = new Map<string, number>();
    await queue.publish(envelopes(20));
    bench.subscribe(4, async (delivery) => {
      const { stepId } = delivery.envelope;
      running.set(stepId, (running.get(stepId) ?? 0) + 1);
      if (running.size === 3) await disturbGroup(options.brokers, group, topic);
      await done(delivery);
    });
    await bench.sawSteps(20);
    await bench.isEmpty();
    expect(new Set(running.keys())).toEqual(new Set(stepIds(20)));
  });

  cases.test("C31K", async () => {
    const { queue, bench, options } = await ready({ partitions: 12 });
    const plan = (n: number) => `plan-${String(n % 12).padStart(8, "0")}` as never;
    const total = 400;
    const all = Array.from({ length: total }, (_, n) => envelope(n, { planId: plan(n) }));
    const slow = async (delivery: Parameters<typeof done>[0]) => {
      await sleep(10);
      await done(delivery);
    };
    bench.subscribe(4, slow);
    await queue.publish(all);
    const seenBy = new Set<string>();
    for (let n = 0; n < 20; n += 1) {
      const { bench: joiner } = open({ namespace: options.namespace });
      joiner.subscribe(1, async (delivery) => {
        seenBy.add(delivery.envelope.stepId);
        await slow(delivery);
      });
      await sleep(150);
      // Every second one goes at once, so that joins and leaves meet.
      if (n % 2 === 1) await joiner.remove();
    }
    const seen = () => new Set([...bench.seen, ...seenBy]);
    await waitUntil("all are handled", () => seen().size >= total, recoveryMs);
    await bench.isEmpty();
    expect(seen()).toEqual(new Set(stepIds(total)));
  });
}

describe(`a broker that fails: ${combinationTitle(["Kafka"], noStore)}`, () => {
  const cases = caseList(["C23K", "C24K", "C25K", "C27K", "C28K", "C29K", "C30K", "C31K", "C48"], "Kafka");
  testKills(cases);
  testSilence(cases);
  testRebalances(cases);
  testLag(cases);
  cases.testCompleteness();
});
