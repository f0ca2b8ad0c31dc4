// The queue on RabbitMQ: quorum queues, confirmed messages, one connection to publish and one to
// take, because an alarm of the broker stops the first and must not stop the second.
import type { ChannelModel } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";

import type { JobQueue } from "../../job-queue.ts";
import { answerWithin, brokerOf, jobsQueue, onOwnChannel, unreachable, versionOf } from "./broker.ts";
import type { Broker, RabbitmqOptions } from "./broker.ts";
import { PoolConsumer } from "./consumer.ts";
import { bury, createDeadLetters } from "./dead-letters.ts";
import { rabbitmqLimits } from "./limits.ts";
import { openLink } from "./link.ts";
import type { Link } from "./link.ts";
import { createPublisher } from "./publisher.ts";
import type { Publisher } from "./publisher.ts";
import { Topology } from "./topology.ts";

/** What an adapter has of its broker. `link` takes and asks: the one that publishes hears no answers under an alarm. */
type Parts = { broker: Broker; topology: Topology; publisher: Publisher; link: Link };

async function askJobs({ broker, link }: Parts, pool: string): Promise<{ messages: number; consumers: number }> {
  const model = await link.ready();
  try {
    return await onOwnChannel(model, async (channel) => {
      const { messageCount, consumerCount } = await channel.checkQueue(jobsQueue(broker, pool));
      return { messages: messageCount, consumers: consumerCount };
    });
  } catch (error) {
    throw unreachable(broker, error);
  }
}

function healthOf({ broker: { address }, topology, publisher, link }: Parts): Awaited<ReturnType<JobQueue["health"]>> {
  const { model, blocked } = publisher.link;
  const isThere = model !== undefined && link.model !== undefined;
  const problem = isThere ? topology.problem : (publisher.link.problem ?? link.problem);
  if (problem !== undefined) return { ok: false, detail: problem.message, next: problem.next };
  if (!isThere) return { ok: false, detail: `RabbitMQ at ${address} is away` };
  const detail = `RabbitMQ ${versionOf(model)} at ${address}`;
  return blocked === undefined
    ? { ok: true, detail }
    : { ok: true, blocked: true, detail: `${detail} takes no messages: ${blocked}` };
}

/** The pools that this process takes from. */
class Consumers {
  readonly #broker: Broker;
  readonly #topology: Topology;
  readonly #all = new Set<PoolConsumer>();
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(broker: Broker, topology: Topology) {
    this.#broker = broker;
    this.#topology = topology;
  }

  add(consumer: PoolConsumer): void {
    this.#topology.want(consumer.pool);
    this.#all.add(consumer);
  }

  async remove(consumer: PoolConsumer): Promise<void> {
    this.#all.delete(consumer);
    await consumer.close();
  }

  /** Begins to take on a connection. A queue that is in the way is looked at again, until a person has mended it. */
  async attach(model: ChannelModel): Promise<void> {
    await this.#topology.declareAll(model);
    for (const consumer of this.#all) {
      if (this.#topology.problemOf(consumer.pool) === undefined) await consumer.attach(model);
    }
  }

  /** @param connected the connection of then */
  watch(connected: () => ChannelModel | undefined): void {
    if (this.#topology.problem === undefined || this.#retry !== undefined || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      const model = connected();
      const trying = model === undefined ? Promise.resolve() : this.attach(model);
      void trying.catch((error: unknown) => this.#broker.onError(error)).finally(() => this.watch(connected));
    }, this.#broker.tuning.conflictRetryMs).unref();
  }

  detach(): void {
    for (const consumer of this.#all) consumer.detach();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const closing = [...this.#all].map((consumer) => consumer.close());
    this.#all.clear();
    await Promise.all(closing);
  }
}

/** Connects by itself, now and after each loss; nothing is thrown for a broker that is away. */
export function createRabbitmqQueue(options: RabbitmqOptions): JobQueue {
  const broker = brokerOf(options);
  const topology = new Topology(broker);
  const publisher = createPublisher(broker, topology);
  const consumers = new Consumers(broker, topology);
  const watch = () => consumers.watch(() => link.model);
  const link = openLink(broker, {
    name: `${broker.prefix} consume`,
    onConnect: (model) => consumers.attach(model).finally(watch),
    onLost: () => consumers.detach(),
  });
  const parts: Parts = { broker, topology, publisher, link };
  return {
    publish: (envelopes) => publisher.publish(envelopes),
    subscribe(pool, slots, handler) {
      const consumer = new PoolConsumer({
        broker,
        pool,
        slots,
        handler,
        bury: (message, reason) => bury({ broker, publisher }, { pool, message, reason }),
        reset: () => link.reset(),
      });
      consumers.add(consumer);
      // Without a connection in time it begins with the next one.
      const beginning = link.ready().then((model) => consumers.attach(model));
      void beginning.catch((error: unknown) => broker.onError(error)).finally(watch);
      return {
        pause: () => consumer.pause(),
        resume: (free) => consumer.resume(free),
        close: () => consumers.remove(consumer),
      };
    },
    depth: async (pool) => (await answerWithin(broker, rabbitmqLimits.askMs, askJobs(parts, pool))).messages,
    workers: async (pool) => (await answerWithin(broker, rabbitmqLimits.askMs, askJobs(parts, pool))).consumers,
    health: () => Promise.resolve(healthOf(parts)),
    async ensureTopology(pools) {
      await publisher.link.ready();
      await topology.declare(await link.ready(), pools).finally(watch);
    },
    deadLetters: createDeadLetters(parts),
    async close({ drainMs }) {
      await Promise.race([consumers.close(), sleep(drainMs, undefined, { ref: false })]);
      const leaving = Promise.all([publisher.close(), link.close()]);
      await Promise.race([leaving, sleep(drainMs, undefined, { ref: false })]);
    },
  };
}
