// The broker that the settings name. Its client is loaded only where one is named.
import { systemIds } from "../clock.ts";
import type { BrokerSettings } from "../config.ts";
import type { OpenQueue } from "./queue-parts.ts";

/** @throws AgentError invalid_input for an address that is none */
export async function openBroker(broker: BrokerSettings): Promise<OpenQueue> {
  if (broker.url.startsWith("kafka:")) {
    const { parseKafkaAddress } = await import("../job/adapters/kafka/kafka-address.ts");
    const { createKafkaQueue } = await import("../job/adapters/kafka/kafka-queue.ts");
    const address = parseKafkaAddress(broker.url);
    return (onError) => createKafkaQueue({ ...address, rng: Math.random, onError });
  }
  const { parseRabbitmqAddress } = await import("../job/adapters/rabbitmq/rabbitmq-address.ts");
  const { createRabbitmqQueue } = await import("../job/adapters/rabbitmq/rabbitmq.ts");
  const address = { ...parseRabbitmqAddress(broker.url), password: broker.password };
  return (onError) => createRabbitmqQueue({ ...address, rng: Math.random, ids: systemIds, onError });
}
