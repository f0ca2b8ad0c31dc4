// How the product speaks to Kafka: clients of kafkajs, with a patience that the rest relies on.
import { Kafka, logLevel } from "kafkajs";
import type { KafkaConfig, RetryOptions } from "kafkajs";

import type { KafkaLimits } from "./limits.ts";

export type ClientOptions = {
  /** `host:port` of some brokers; they tell of the others. */
  brokers: readonly string[];
  limits: KafkaLimits;
  /** How its connections are made, beyond the default. */
  connections?: Pick<KafkaConfig, "ssl" | "sasl" | "socketFactory"> | undefined;
};

/** How patient the client is with one request. */
export type RetryLimits = Pick<KafkaLimits, "firstRetryMs" | "maxRetryMs" | "retries">;

export function retryOptions({ firstRetryMs, maxRetryMs, retries }: RetryLimits): RetryOptions {
  return { initialRetryTime: firstRetryMs, maxRetryTime: maxRetryMs, factor: 0.2, multiplier: 2, retries };
}

export function createClient({ brokers, limits, connections = {} }: ClientOptions): Kafka {
  return new Kafka({
    ...connections,
    clientId: "ossaat",
    brokers: [...brokers],
    connectionTimeout: limits.connectMs,
    requestTimeout: limits.requestMs,
    retry: retryOptions(limits),
    // What fails is told by whoever asked; the client's own log tells every try.
    logLevel: logLevel.NOTHING,
  });
}

/** Name of the answer of a broker that refused, as `UNKNOWN_TOPIC_OR_PARTITION`; none when there was no answer. */
export function answerOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; { cause } = cause) {
    const { type } = cause as { type?: unknown };
    if (typeof type === "string") return type;
  }
  return undefined;
}
