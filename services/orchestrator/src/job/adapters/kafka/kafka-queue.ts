// The queue on Apache Kafka. A pool is a topic, its workers are one group; the client's traps are kept here.
import { setTimeout as sleep } from "node:timers/promises";

import type { Rng } from "../../../clock.ts";
import type { Delivery, JobQueue, Subscription } from "../../job-queue.ts";
import { buryRecord, createDeadLetters } from "./dead-letters.ts";
import type { DeadLetterDeps } from "./dead-letters.ts";
import { createClient, refusalOf } from "./kafka-client.ts";
import type { LastTlsError } from "./kafka-client.ts";
import type { ClientOptions } from "./kafka-client.ts";
import { KafkaTopics } from "./kafka-topics.ts";
import type { NewTopic, PartitionLag } from "./kafka-topics.ts";
import { kafkaLimits } from "./limits.ts";
import type { KafkaLimits } from "./limits.ts";
import { passOn } from "./pass-on.ts";
import { PoolConsumer } from "./pool-consumer.ts";
import { PoolPump } from "./pool-pump.ts";
import { Publisher, partsOf } from "./publisher.ts";
import type { StepStateRecord } from "../../step-states.ts";
import { deadLetterTopic, jobsTopic, stateTopic, workersGroup } from "./topics.ts";

export type KafkaQueueOptions = {
  /** `host:port` of some brokers; they tell of the others. */
  brokers: readonly string[];
  /** Beginning of the names of topics and groups, for installations that share a cluster. */
  namespace?: string;
  /** Partitions of a pool's topic when it is made: as many workers of one pool can be busy. */
  partitions?: number;
  /** Copies of each record; absent = as the cluster has it. */
  replicationFactor?: number;
  connections?: ClientOptions["connections"];
  rng: Rng;
  onError: (error: unknown) => void;
  /** In place of `kafkaLimits`, for tests. */
  limits?: Partial<KafkaLimits>;
};

export type KafkaQueue = JobQueue & {
  /** Where the workers of a pool are, by partition. @throws AgentError unavailable */
  lag(pool: string): Promise<PartitionLag[]>;
  /** Keeps states of steps for others to read. Rejects when it could not. */
  sendStates(records: readonly StepStateRecord[]): Promise<void>;
};

export const defaultPartitions = 12;

type Parts = DeadLetterDeps & Pick<KafkaQueueOptions, "rng" | "onError">;

type Member = { pool: string; pump: PoolPump; consumer: PoolConsumer };

function join(parts: Parts, pool: string, { slots, handler }: { slots: number; handler: Handler }): Member {
  const { kafka, publisher, namespace, limits, rng, onError } = parts;
  const topic = jobsTopic(namespace, pool);
  const pump = new PoolPump({
    slots,
    handler,
    bury: (record, reason) => buryRecord(parts, pool, { record, reason }),
    passOn: (record) => passOn(publisher, topic, record),
    setFetching: (on) => consumer.setFetching(on),
    onSettled: () => void consumer.commit(),
    onError,
    limits,
  });
  const groupId = workersGroup(namespace, pool);
  const consumer = new PoolConsumer({ kafka, topic, groupId, pump, rng, onError, limits });
  return { pool, pump, consumer };
}

type Handler = (delivery: Delivery) => Promise<void>;

async function leave({ pump, consumer }: Member): Promise<void> {
  await pump.close();
  await consumer.close();
}

const compacted = { "cleanup.policy": "compact" };

function topicsOf(options: KafkaQueueOptions, namespace: string, pools: readonly string[]): NewTopic[] {
  const { partitions = defaultPartitions, replicationFactor } = options;
  return [
    ...pools.map((pool) => ({ topic: jobsTopic(namespace, pool), partitions, replicationFactor })),
    ...pools.map((pool) => ({
      topic: deadLetterTopic(namespace, pool),
      partitions: 1,
      replicationFactor,
      settings: compacted,
    })),
    { topic: stateTopic(namespace), partitions, replicationFactor, settings: compacted },
  ];
}

type Asked = { topics: KafkaTopics; members: ReadonlySet<Member>; lastTls: LastTlsError };

async function askHealth({ topics, members, lastTls }: Asked, ms: number) {
  const late = sleep(ms, undefined, { ref: false });
  const brokers = await Promise.race([topics.countBrokers().catch((error: unknown) => ({ error })), late]);
  if (typeof brokers !== "number") {
    return {
      ok: false,
      ...(refusalOf(brokers?.error ?? lastTls.error) ?? { detail: `Kafka at ${topics.address} does not answer` }),
    };
  }
  const absent = [...members].filter(({ consumer }) => !consumer.joined).map(({ pool }) => pool);
  const waiting = absent.length === 0 ? "" : `; not joined: ${absent.join(", ")}`;
  return { ok: true, detail: `Kafka, brokers: ${brokers}${waiting}` };
}

export function createKafkaQueue(options: KafkaQueueOptions): KafkaQueue {
  const { brokers, namespace = "ossaat", connections, rng, onError } = options;
  const limits: KafkaLimits = { ...kafkaLimits, ...options.limits };
  const lastTls: LastTlsError = {};
  const kafka = createClient({ brokers, limits, connections }, lastTls);
  const topics = new KafkaTopics(kafka, brokers, limits);
  const publisher = new Publisher({ kafka, topics, namespace, limits, onError });
  const parts: Parts = { kafka, topics, publisher, namespace, limits, rng, onError };
  const members = new Set<Member>();
  const lag = async (pool: string) => {
    // What this process has settled is told first, so that it does not count as waiting.
    await Promise.all([...members].filter((one) => one.pool === pool).map(({ consumer }) => consumer.flush()));
    return topics.lag(jobsTopic(namespace, pool), workersGroup(namespace, pool));
  };
  return {
    publish: (envelopes) => publisher.publish(envelopes),
    subscribe(pool, slots, handler): Subscription {
      const member = join(parts, pool, { slots, handler });
      members.add(member);
      return {
        pause: () => member.pump.pause(),
        resume: (free) => member.pump.resume(free),
        close: async () => {
          if (members.delete(member)) await leave(member);
        },
      };
    },
    lag,
    depth: async (pool) => (await lag(pool)).reduce((sum, one) => sum + one.lag, 0),
    workers: (pool) => topics.countMembers(workersGroup(namespace, pool)),
    health: () => askHealth({ topics, members, lastTls }, limits.healthMs),
    ensureTopology: (pools) => topics.ensure(topicsOf(options, namespace, pools)),
    async sendStates(records) {
      const messages = records.map(({ key, value }) => ({ key, value: value === null ? null : Buffer.from(value) }));
      for (const part of partsOf(messages, limits.sendBytes)) await publisher.send(stateTopic(namespace), part);
    },
    deadLetters: createDeadLetters(parts),
    async close({ drainMs }) {
      const leaving = Promise.all([...members].map(leave));
      members.clear();
      await Promise.race([leaving, sleep(drainMs, undefined, { ref: false })]);
      await Promise.race([
        Promise.all([publisher.close(), topics.close()]),
        sleep(limits.leaveMs, undefined, { ref: false }),
      ]);
    },
  };
}
