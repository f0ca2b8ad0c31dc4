// The broker that the settings name. Its client is loaded only where one is named.
import { readFileSync } from "node:fs";

import { AgentError } from "@ossaat/contracts";

import { systemClock, systemIds } from "../clock.ts";
import type { BrokerSettings } from "../config.ts";
import type { KafkaAddress, KafkaLogin } from "../job/adapters/kafka/kafka-address.ts";
import type { KafkaQueueOptions } from "../job/adapters/kafka/kafka-queue.ts";
import type { OpenQueue } from "./queue-parts.ts";

/** Certificates that the broker's is checked by; undefined = those of the system. */
function readAuthority({ caFile }: BrokerSettings): string | undefined {
  if (caFile === undefined) return undefined;
  try {
    return readFileSync(caFile, "utf8");
  } catch (cause) {
    throw new AgentError("invalid_input", `The file of the broker's authority, ${caFile}, cannot be read.`, {
      details: { next: "`ossaat config explain queueCa`; it is a file of certificates as PEM" },
      cause,
    });
  }
}

type Connections = NonNullable<KafkaQueueOptions["connections"]>;

function saslOf({ user, mechanism }: KafkaLogin, password: string | undefined): NonNullable<Connections["sasl"]> {
  if (password === undefined) {
    throw new AgentError("invalid_input", "The address of Kafka names a user, and there is no password.", {
      details: { next: "`export OSSAAT_QUEUE_PASSWORD=…` where the server starts" },
    });
  }
  const login = { username: user, password };
  switch (mechanism) {
    case "plain":
      return { mechanism, ...login };
    case "scram-sha-256":
      return { mechanism, ...login };
    case "scram-sha-512":
      return { mechanism, ...login };
  }
}

function connectionsTo({ isTls, login }: KafkaAddress, broker: BrokerSettings): Connections {
  const ca = readAuthority(broker);
  return {
    ...(isTls ? { ssl: ca === undefined ? true : { ca } } : {}),
    ...(login === undefined ? {} : { sasl: saslOf(login, broker.password) }),
  };
}

/** @throws AgentError invalid_input for an address that is none, a user without a password, a file that cannot be read */
export async function openBroker(broker: BrokerSettings): Promise<OpenQueue> {
  if (/^kafkas?:/u.test(broker.url)) {
    const { parseKafkaAddress } = await import("../job/adapters/kafka/kafka-address.ts");
    const { createKafkaQueue } = await import("../job/adapters/kafka/kafka-queue.ts");
    const address = parseKafkaAddress(broker.url);
    const connections = connectionsTo(address, broker);
    return (onError) => createKafkaQueue({ ...address, connections, rng: Math.random, onError });
  }
  const { parseRabbitmqAddress } = await import("../job/adapters/rabbitmq/rabbitmq-address.ts");
  const { createRabbitmqQueue } = await import("../job/adapters/rabbitmq/rabbitmq.ts");
  const address = { ...parseRabbitmqAddress(broker.url), password: broker.password, ca: readAuthority(broker) };
  return (onError) =>
    createRabbitmqQueue({ ...address, rng: Math.random, ids: systemIds, clock: systemClock, onError });
}
