// The queue on RabbitMQ: quorum queues, confirmed messages, one connection to publish and one to
// take, because an alarm of the broker stops the first and must not stop the second.
import { setTimeout as sleep } from "node:timers/promises";

import type { JobQueue } from "../../job-queue.ts";
import { brokerOf, closeChannel, jobsQueue, unreachable, versionOf } from "./broker.ts";
import type { Broker, RabbitmqOptions } from "./broker.ts";
import { PoolConsumer } from "./consumer.ts";
import { bury, createDeadLetters } from "./dead-letters.ts";
import { openLink } from "./link.ts";
import { createPublisher } from "./publisher.ts";
import type { Publisher } from "./publisher.ts";
import { declarePools } from "./topology.ts";

async function depthOf(broker: Broker, publisher: Publisher, pool: string): Promise<number> {
  const model = await publisher.link.ready();
  try {
    // On a channel of its own: asking for a queue that is not there closes the channel.
    const channel = await model.createChannel();
    channel.on("error", (error) => broker.onError(error));
    const { messageCount } = await channel.checkQueue(jobsQueue(broker, pool));
    await closeChannel(channel);
    return messageCount;
  } catch (error) {
    throw unreachable(broker, error);
  }
}

function healthOf(
  { address }: Broker,
  { link: { model, blocked } }: Publisher,
): Awaited<ReturnType<JobQueue["health"]>> {
  if (model === undefined) return { ok: false, detail: `RabbitMQ at ${address} is away` };
  const detail = `RabbitMQ ${versionOf(model)} at ${address}`;
  return blocked === undefined
    ? { ok: true, detail }
    : { ok: true, blocked: true, detail: `${detail} takes no messages: ${blocked}` };
}

/** Connects by itself, now and after each loss; nothing is thrown for a broker that is away. */
export function createRabbitmqQueue(options: RabbitmqOptions): JobQueue {
  const broker = brokerOf(options);
  const publisher = createPublisher(broker);
  const consumers = new Set<PoolConsumer>();
  const consumeLink = openLink(broker, {
    name: `${broker.prefix} consume`,
    async onConnect(model) {
      await declarePools(model, broker, new Set([...consumers].map(({ pool }) => pool)));
      for (const consumer of consumers) await consumer.attach(model);
    },
    onLost: () => consumers.forEach((consumer) => consumer.detach()),
  });
  const begin = async (consumer: PoolConsumer) => {
    // Without a connection in time it begins with the next one.
    const model = await consumeLink.ready();
    await declarePools(model, broker, [consumer.pool]);
    if (consumeLink.model === model) await consumer.attach(model);
  };

  return {
    publish: (envelopes) => publisher.publish(envelopes),
    subscribe(pool, slots, handler) {
      const consumer = new PoolConsumer({
        broker,
        pool,
        slots,
        handler,
        bury: (message, reason) => bury({ broker, publisher }, { pool, message, reason }),
        reset: () => consumeLink.reset(),
      });
      consumers.add(consumer);
      void begin(consumer).catch((error: unknown) => broker.onError(error));
      return {
        pause: () => consumer.pause(),
        resume: (free) => consumer.resume(free),
        async close() {
          consumers.delete(consumer);
          await consumer.close();
        },
      };
    },
    depth: (pool) => depthOf(broker, publisher, pool),
    health: () => Promise.resolve(healthOf(broker, publisher)),
    async ensureTopology(pools) {
      pools.forEach((pool) => publisher.pools.add(pool));
      await declarePools(await publisher.link.ready(), broker, pools);
    },
    deadLetters: createDeadLetters(broker, { publisher, link: consumeLink }),
    async close({ drainMs }) {
      const closing = Promise.all([...consumers].map((consumer) => consumer.close()));
      consumers.clear();
      await Promise.race([closing, sleep(drainMs, undefined, { ref: false })]);
      const leaving = Promise.all([publisher.close(), consumeLink.close()]);
      await Promise.race([leaving, sleep(drainMs, undefined, { ref: false })]);
    },
  };
}
