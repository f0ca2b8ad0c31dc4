// A worker that has no free slot keeps no message from one that has: all messages of a plan go to one member of the group.
import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openKafkaQueue, testLimits } from "../../../testing/kafka-under-test.ts";
import { envelopes, otherPool, pool, stepIds } from "../../../testing/queue-under-test.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import type { Delivery } from "../../job-queue.ts";
import { createKafkaQueue } from "./kafka-queue.ts";

const maxWaitMs = 60_000;

let server: KafkaServer;
beforeAll(async () => {
  server = await startKafka();
});
afterAll(() => server.remove());

test("what waits at a full worker is taken by an idle one, also when the full one had all of it", async () => {
  const limits = { ...testLimits, passOnMs: 300, maxPassOnMs: 1_000 };
  const first = openKafkaQueue(server, { limits });
  const second = createKafkaQueue({ ...first.options });
  await first.queue.ensureTopology([pool, otherPool]);
  const seen = new Set<string>();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let blocked = 0;
  const handle = async (delivery: Delivery) => {
    const isFirst = seen.size === 0;
    seen.add(delivery.envelope.stepId);
    if (isFirst) {
      blocked += 1;
      await over;
    }
    await delivery.settle("done");
  };
  const subscriptions = [first.queue, second].map((queue) => queue.subscribe(pool, 1, handle));
  for (const queue of [first.queue, second]) {
    await waitUntil("it has joined", async () => !(await queue.health()).detail.includes("not joined"), maxWaitMs);
  }
  const sent = await first.queue.publish(envelopes(12));
  expect(sent.every(({ accepted }) => accepted)).toBe(true);
  await waitUntil("all were taken", () => seen.size === 12, maxWaitMs);
  expect([[...seen].sort(), blocked]).toEqual([stepIds(12).sort(), 1]);
  end();
  // What is closed in the middle of passing a record on leaves it and its copy there.
  await waitUntil("all were settled", async () => (await first.queue.depth(pool)) === 0, maxWaitMs);
  await Promise.all(subscriptions.map((subscription) => subscription.close()));
  await Promise.all([first.queue, second].map((queue) => queue.close({ drainMs: 5_000 })));
});
