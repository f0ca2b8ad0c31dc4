// The queues of a pool: one for jobs, one for dead letters. Declaring them again is harmless.
import { AgentError } from "@ossaat/contracts";
import type { Channel, ChannelModel } from "amqplib";

import { closeChannel, deadQueue, jobsQueue, versionOf } from "./broker.ts";
import type { Broker } from "./broker.ts";

/** Oldest version with dead letters that are never lost on their way. */
const minimum = { major: 3, minor: 10 };

type Features = {
  /** Whether a limit of deliveries must be taken away by name: since 4.0 every quorum queue has one. */
  hasDefaultDeliveryLimit: boolean;
};

/** @throws AgentError unsupported versions */
export function featuresOf(version: string): Features {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < minimum.major || (major === minimum.major && minor < minimum.minor)) {
    throw new AgentError("invalid_input", `RabbitMQ ${version} is too old: ossaat needs 3.10 or newer.`, {
      details: { next: "use a newer broker; `ossaat config explain queue` says who named this one" },
    });
  }
  return { hasDefaultDeliveryLimit: major >= 4 };
}

type PoolDeclaration = Features & { broker: Broker; pool: string };

async function declarePool(channel: Channel, declaration: PoolDeclaration): Promise<void> {
  const { broker, pool, hasDefaultDeliveryLimit } = declaration;
  const quorum = { "x-queue-type": "quorum" };
  await channel.assertQueue(deadQueue(broker, pool), {
    durable: true,
    // NOTE: whoever looks at dead letters gives them back, which counts as a delivery.
    arguments: { ...quorum, ...(hasDefaultDeliveryLimit ? { "x-delivery-limit": -1 } : {}) },
  });
  await channel.assertQueue(jobsQueue(broker, pool), {
    durable: true,
    arguments: {
      ...quorum,
      "x-delivery-limit": broker.tuning.deliveryLimit,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": deadQueue(broker, pool),
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
    },
  });
}

/**
 * Makes the queues of the pools, on a channel of its own: a queue that exists with other arguments
 * closes the channel.
 * @throws AgentError conflict when a queue of that name is made otherwise
 */
export async function declarePools(model: ChannelModel, broker: Broker, pools: Iterable<string>): Promise<void> {
  const features = featuresOf(versionOf(model));
  const channel = await model.createChannel();
  // The failed call says it too.
  channel.on("error", () => undefined);
  try {
    for (const pool of pools) await declarePool(channel, { ...features, broker, pool });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 406) throw error;
    throw new AgentError("conflict", `A queue of ossaat exists at ${broker.address} with other arguments.`, {
      details: {
        next: `delete the queues ${broker.prefix}.* there, then \`ossaat doctor\`; what was in them is announced again`,
      },
      cause: error,
    });
  }
  await closeChannel(channel);
}
