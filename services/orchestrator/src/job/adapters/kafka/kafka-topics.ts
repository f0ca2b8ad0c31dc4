// What is asked of a cluster beside its records: topics, marks, health. The client's own retries pass over
// answers of a broker that has just started, so every question is asked again for a while.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { Admin, ITopicConfig, Kafka } from "kafkajs";

import { answerOf, retryOptions } from "./kafka-client.ts";
import type { KafkaLimits } from "./limits.ts";

/** Where the members of a group are in one partition. */
export type PartitionLag = { partition: number; low: number; high: number; committed: number; lag: number };

export type NewTopic = {
  topic: string;
  partitions: number;
  /** Copies of each record; absent = as the cluster has it. */
  replicationFactor?: number | undefined;
  settings?: Readonly<Record<string, string>>;
};

export class KafkaTopics {
  readonly #kafka: Kafka;
  readonly #limits: KafkaLimits;
  /** Brokers that are asked, as an error names them. */
  readonly address: string;
  #admin: Promise<Admin> | undefined;

  constructor(kafka: Kafka, brokers: readonly string[], limits: KafkaLimits) {
    this.#kafka = kafka;
    this.address = brokers.join(",");
    this.#limits = limits;
  }

  /** Makes those that are missing; others stay as they are. @throws AgentError unavailable */
  async ensure(topics: readonly NewTopic[]): Promise<void> {
    await this.#ask("topics", async (admin) => {
      const there = new Set(await admin.listTopics());
      const missing = topics.filter(({ topic }) => !there.has(topic)).map(topicConfig);
      if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: false });
      // Each partition answers for itself: before that, a send to it fails and repeats what others took.
      for (const { topic } of topics) await admin.fetchTopicOffsets(topic);
    });
  }

  /** Asks once. Rejects when there is no answer. */
  async exists(topic: string): Promise<boolean> {
    const admin = await this.#connect();
    return (await admin.listTopics()).includes(topic);
  }

  /** Where a group is in a topic. @throws AgentError unavailable */
  lag(topic: string, groupId: string): Promise<PartitionLag[]> {
    return this.#ask("marks", async (admin) => {
      const [ends, [group]] = await Promise.all([
        admin.fetchTopicOffsets(topic),
        admin.fetchOffsets({ groupId, topics: [topic] }),
      ]);
      const marks = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      return ends.map(({ partition, low, high }) => lagOf(partition, Number(low), Number(high), marks.get(partition)));
    });
  }

  /** How many members a group has. @throws AgentError unavailable */
  countMembers(groupId: string): Promise<number> {
    return this.#ask("the members of a group", async (admin) => {
      const { groups } = await admin.describeGroups([groupId]);
      return groups.reduce((sum, { members }) => sum + members.length, 0);
    });
  }

  /** Removes a group without members. @throws AgentError unavailable */
  async removeGroup(groupId: string): Promise<void> {
    await this.#ask("a group", (admin) => admin.deleteGroups([groupId]));
  }

  /** How many brokers answer. Asks once. */
  async countBrokers(): Promise<number> {
    const admin = await this.#connect();
    const { brokers } = await admin.describeCluster();
    return brokers.length;
  }

  async close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await (await admin?.catch(() => undefined))?.disconnect();
  }

  #connect(): Promise<Admin> {
    this.#admin ??= this.#begin();
    return this.#admin;
  }

  async #begin(): Promise<Admin> {
    const retry = retryOptions({ ...this.#limits, retries: this.#limits.askRetries });
    const admin = this.#kafka.admin({ retry });
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      this.#admin = undefined;
      throw error;
    }
  }

  async #ask<T>(what: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const until = performance.now() + this.#limits.askMs;
    for (;;) {
      try {
        return await question(await this.#connect());
      } catch (error) {
        if (performance.now() > until) {
          const answer = answerOf(error);
          const said = answer === undefined ? "does not answer" : `did not tell about ${what}: ${answer}`;
          throw new AgentError("unavailable", `Kafka at ${this.address} ${said}.`, {
            details: {
              next: `start the broker at ${this.address}, or look at the setting queue (\`ossaat config explain queue\`)`,
            },
            cause: error,
          });
        }
        await sleep(this.#limits.askPauseMs);
      }
    }
  }
}

function topicConfig({ topic, partitions, replicationFactor, settings = {} }: NewTopic): ITopicConfig {
  return {
    topic,
    numPartitions: partitions,
    replicationFactor: replicationFactor ?? -1,
    configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
  };
}

/** A group that committed nothing begins at the first record that there is. */
function lagOf(partition: number, low: number, high: number, mark = -1): PartitionLag {
  const committed = Math.max(low, mark);
  return { partition, low, high, committed, lag: Math.max(0, high - committed) };
}
