// A process of its own that takes or sends messages on Kafka, for tests that kill it. Argument: JSON.
import type { JobEnvelope } from "@ossaat/contracts";

import { createKafkaQueue } from "../job/adapters/kafka/kafka-queue.ts";
import type { KafkaQueueOptions } from "../job/adapters/kafka/kafka-queue.ts";

export type KafkaChildOrder = Pick<KafkaQueueOptions, "brokers" | "namespace" | "limits"> &
  ({ take: { pool: string; slots: number } } | { send: JobEnvelope[] });

const order = JSON.parse(process.argv[2] ?? "") as KafkaChildOrder;
const queue = createKafkaQueue({
  ...order,
  rng: Math.random,
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});

if ("take" in order) {
  queue.subscribe(order.take.pool, order.take.slots, ({ envelope }) => {
    process.stdout.write(`${envelope.stepId}\n`);
    // Never settled: whoever started this process ends it.
    return new Promise<never>(() => undefined);
  });
} else {
  const [first, ...others] = order.send;
  if (first !== undefined) await queue.publish([first]);
  void queue.publish(others);
  // Written to the socket by then, and not answered.
  setImmediate(() => setImmediate(() => process.kill(process.pid, "SIGKILL")));
}
