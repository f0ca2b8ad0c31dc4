// A queue on a RabbitMQ of tests: names of its own, prompt to reconnect.
import { systemClock, systemIds } from "../clock.ts";
import type { RabbitmqOptions } from "../job/adapters/rabbitmq/broker.ts";
import { createRabbitmqQueue } from "../job/adapters/rabbitmq/rabbitmq.ts";
import type { JobQueue } from "../job/job-queue.ts";

export type RabbitmqAddress = { url: string; prefix: string };

export const testTuning = {
  minRetryMs: 400,
  maxReconnectMs: 400,
  deliveryLimit: 5,
  heartbeatSeconds: 1,
  confirmMs: 2_000,
  conflictRetryMs: 200,
} as const;

export function testRabbitmqQueue(address: RabbitmqAddress, changes: Partial<RabbitmqOptions> = {}): JobQueue {
  return createRabbitmqQueue({
    ...address,
    rng: Math.random,
    ids: systemIds,
    clock: systemClock,
    onError: () => undefined,
    tuning: testTuning,
    ...changes,
  });
}

/** For another process: the address as JSON. */
export function openQueue(address: string): JobQueue {
  return testRabbitmqQueue(JSON.parse(address) as RabbitmqAddress);
}
