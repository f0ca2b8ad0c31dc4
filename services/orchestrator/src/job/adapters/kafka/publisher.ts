// The one producer: waits for every copy that the cluster asks for, in requests that a broker takes, and
// tells of each message whether it was accepted.
import { Partitioners } from "kafkajs";
import type { Kafka, Message, Producer } from "kafkajs";

import type { JobEnvelope } from "@ossaat/contracts";

import { writeEnvelope } from "../../envelope-text.ts";
import type { PublishResult, RefusalReason } from "../../job-queue.ts";
import { answerOf } from "./kafka-client.ts";
import type { KafkaTopics } from "./kafka-topics.ts";
import type { KafkaLimits } from "./limits.ts";
import { jobsTopic } from "./topics.ts";

export type PublisherDeps = {
  kafka: Kafka;
  topics: KafkaTopics;
  namespace: string;
  limits: KafkaLimits;
  onError(error: unknown): void;
};

/** Parts of at most `bytes` of values each, in order; a longer value is a part of its own. */
export function partsOf<T extends { value: Buffer | null }>(messages: readonly T[], bytes: number): T[][] {
  const parts: T[][] = [];
  let room = 0;
  for (const message of messages) {
    const length = message.value?.length ?? 0;
    if (room < length || parts.length === 0) {
      parts.push([]);
      room = bytes;
    }
    parts.at(-1)?.push(message);
    room -= length;
  }
  return parts;
}

function reasonOf(error: unknown): RefusalReason {
  switch (answerOf(error)) {
    case undefined:
    case "REQUEST_TIMED_OUT":
    case "NOT_LEADER_FOR_PARTITION":
    case "LEADER_NOT_AVAILABLE":
    case "BROKER_NOT_AVAILABLE":
    case "NETWORK_EXCEPTION":
      return "unavailable";
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return "unroutable";
    // Too few copies can be written now; the broker says so before or after it wrote.
    case "NOT_ENOUGH_REPLICAS":
    case "NOT_ENOUGH_REPLICAS_AFTER_APPEND":
      return "blocked";
    default:
      return "refused";
  }
}

/** The trace it belongs to, where tools that follow one look for it. Each header costs a twelfth of the throughput. */
function headersOf({ traceparent }: JobEnvelope): Message["headers"] {
  return traceparent === undefined ? undefined : { traceparent };
}

/** What nobody took may go to another worker than the plan's: that one may be stuck, or not know the kind of step. */
const keyOf = ({ planId, messageId, isRepeated }: JobEnvelope) => (isRepeated === true ? messageId : planId);

type Item = { index: number; key: string; value: Buffer; headers: Message["headers"] };

export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #producer: Producer;
  readonly #known = new Set<string>();
  #connected: Promise<void> | undefined;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#producer = deps.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
  }

  /** One result per envelope, in their order. */
  async publish(envelopes: readonly JobEnvelope[]): Promise<PublishResult[]> {
    const results = envelopes.map((): PublishResult => ({ accepted: false, reason: "too_large" }));
    const byPool = new Map<string, Item[]>();
    for (const [index, envelope] of envelopes.entries()) {
      const value = writeEnvelope(envelope);
      if (value === undefined) continue;
      const items = byPool.get(envelope.pool) ?? [];
      items.push({ index, key: keyOf(envelope), value, headers: headersOf(envelope) });
      byPool.set(envelope.pool, items);
    }
    await Promise.all(
      [...byPool].map(([pool, items]) => this.#publishTo(jobsTopic(this.#deps.namespace, pool), items, results)),
    );
    return results;
  }

  /** @throws Error of the client when it was not accepted, or nobody knows */
  async send(topic: string, messages: readonly Message[]): Promise<void> {
    await this.#connect();
    await this.#producer.send({ topic, acks: -1, messages: [...messages] });
  }

  async close(): Promise<void> {
    const connected = this.#connected;
    if (connected === undefined) return;
    await connected.catch(() => undefined);
    await this.#producer.disconnect();
  }

  async #publishTo(topic: string, items: readonly Item[], results: PublishResult[]): Promise<void> {
    for (const part of partsOf(items, this.#deps.limits.sendBytes)) {
      const result = await this.#sendPart(topic, part);
      for (const { index } of part) results[index] = result;
    }
  }

  async #sendPart(topic: string, part: readonly Item[]): Promise<PublishResult> {
    try {
      // The client would ask for a topic that is not there for seconds.
      if (!this.#known.has(topic) && !(await this.#deps.topics.exists(topic))) {
        return { accepted: false, reason: "unroutable" };
      }
      this.#known.add(topic);
      await this.send(
        topic,
        part.map(({ key, value, headers }) => ({ key, value, ...(headers === undefined ? {} : { headers }) })),
      );
      return { accepted: true };
    } catch (error) {
      this.#deps.onError(error);
      this.#known.delete(topic);
      return { accepted: false, reason: reasonOf(error) };
    }
  }

  /** After the first time the client connects again by itself. */
  #connect(): Promise<void> {
    this.#connected ??= this.#producer.connect().catch((error: unknown) => {
      this.#connected = undefined;
      throw error;
    });
    return this.#connected;
  }
}
