// The broker that the settings name. Its client is loaded only where one is named.
import { systemIds } from "@ossaat/orchestrator";
import type { OpenQueue } from "@ossaat/orchestrator";

export type BrokerSettings = { url: string; password?: string };

/** @throws AgentError invalid_input for an address that is none */
export async function openBroker(broker: BrokerSettings): Promise<OpenQueue> {
  if (broker.url.startsWith("kafka:")) {
    const { createKafkaQueue, parseKafkaAddress } = await import("@ossaat/orchestrator/kafka");
    const address = parseKafkaAddress(broker.url);
    return (onError) => createKafkaQueue({ ...address, rng: Math.random, onError });
  }
  const { createRabbitmqQueue } = await import("@ossaat/orchestrator/rabbitmq");
  return (onError) => createRabbitmqQueue({ ...broker, rng: Math.random, ids: systemIds, onError });
}
