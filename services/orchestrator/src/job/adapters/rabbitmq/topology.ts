// The queues of the pools: for each one for jobs, one for dead letters. Declaring them again is harmless.
import { AgentError } from "@ossaat/contracts";
import type { ChannelModel } from "amqplib";

import { deadQueue, jobsQueue, onOwnChannel, versionOf } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { rabbitmqLimits } from "./limits.ts";

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

type QueueWish = {
  name: string;
  /** Deliveries without a settlement; absent = as the broker has it. */
  limit: number | undefined;
  words: Record<string, string>;
  /** What to do about another queue of that name. */
  remedy: string;
};

const limitWord = "x-delivery-limit";
const kindWord = "x-queue-type";

/** The argument in which an existing queue differs, and its value there; undefined for another failure. */
function differenceIn(error: unknown): { name: string | undefined; limit: number | undefined } | undefined {
  const { code, message = "" } = error as { code?: unknown; message?: string };
  if (code !== 406) return undefined;
  const said = /inequivalent arg '(?<name>[^']+)' .* current is (?:none|(?:the value )?'(?<value>[^']*)')/u.exec(
    message,
  );
  const { name, value } = said?.groups ?? {};
  return { name, limit: value === undefined ? undefined : Number(value) };
}

function make(model: ChannelModel, { name, limit, words }: QueueWish): Promise<unknown> {
  const limits = limit === undefined ? {} : { [limitWord]: limit };
  return onOwnChannel(model, (channel) =>
    channel.assertQueue(name, { durable: true, arguments: { [kindWord]: "quorum", ...words, ...limits } }),
  );
}

/**
 * A queue that differs in nothing but its limit of deliveries is taken as it is: versions of the broker differ
 * in what they have by default, and none changes a queue that exists.
 * @returns the limit that it has
 */
async function declare(model: ChannelModel, wish: QueueWish): Promise<number | undefined> {
  try {
    await make(model, wish);
    return wish.limit;
  } catch (error) {
    const difference = differenceIn(error);
    if (difference?.name !== limitWord) throw error;
    await make(model, { ...wish, limit: difference.limit });
    return difference.limit;
  }
}

/**
 * Gives a user what the adapter needs and no more: queues that begin with its prefix, and the default exchange,
 * by which messages reach a queue and dead letters leave one.
 */
function grantCommand({ url, prefix }: Pick<Broker, "url" | "prefix">): string {
  const { username, pathname } = new URL(url);
  const vhost = decodeURIComponent(pathname.slice(1)) || "/";
  const own = `${prefix.replaceAll(/[^\w-]/gu, String.raw`\$&`)}\\.`;
  const words = [vhost, decodeURIComponent(username) || "guest", `^${own}`, `^(${own}|amq\\.default$)`, `^${own}`];
  const [host, user, ...rights] = words.map((word) => `'${word}'`);
  return `rabbitmqctl set_permissions -p ${host} ${user} ${rights.join(" ")}`;
}

/** What a person must mend; undefined for a failure that may pass. */
async function problemOf(
  failure: unknown,
  { model, broker, wish }: { model: ChannelModel; broker: Broker; wish: QueueWish },
): Promise<AgentError | undefined> {
  const { name, remedy } = wish;
  const difference = differenceIn(failure);
  if (difference !== undefined) {
    // The broker names one difference, and the kind not first.
    const plain = make(model, { ...wish, limit: undefined, words: {} });
    const kind = await plain.then(() => undefined, differenceIn);
    const other = difference.name === undefined ? "with other arguments" : `with another ${difference.name}`;
    const what = kind?.name === kindWord ? "as one of another kind" : other;
    const message = `The queue ${name} at ${broker.address} was made by somebody else, ${what}.`;
    const next = `${remedy}; \`ossaat queue status\` tells when it is well`;
    return new AgentError("conflict", message, { details: { next }, cause: failure });
  }
  if ((failure as { code?: unknown }).code !== 403) return undefined;
  return new AgentError("forbidden", `RabbitMQ at ${broker.address} does not let its user make the queue ${name}.`, {
    details: {
      next: `give the user its rights (\`${grantCommand(broker)}\`); \`ossaat queue status\` tells when it is well`,
    },
    cause: failure,
  });
}

type PoolQueues = {
  /** They were made, or found as they must be, at least once. */
  isDeclared: boolean;
  /** Why the queues cannot be used. */
  problem?: AgentError;
  /** Deliveries of a dead letter after which the broker may forget it. */
  letterLimit: number;
};

const unknown: PoolQueues = { isDeclared: false, letterLimit: rabbitmqLimits.defaultDeliveryLimit };

export class Topology {
  readonly #broker: Broker;
  readonly #pools = new Map<string, PoolQueues>();

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** From now on the queues of the pool are made on every connection. */
  want(pool: string): void {
    if (!this.#pools.has(pool)) this.#pools.set(pool, unknown);
  }

  isDeclared(pool: string): boolean {
    return this.#pools.get(pool)?.isDeclared ?? false;
  }

  /** What a person must mend before all pools can be used. */
  get problem(): AgentError | undefined {
    return [...this.#pools.values()].find(({ problem }) => problem !== undefined)?.problem;
  }

  problemOf(pool: string): AgentError | undefined {
    return this.#pools.get(pool)?.problem;
  }

  letterLimit(pool: string): number {
    return this.#pools.get(pool)?.letterLimit ?? unknown.letterLimit;
  }

  /** Makes all that are wanted; a problem of one is kept, and is none of the connection. */
  async declareAll(model: ChannelModel): Promise<void> {
    const features = featuresOf(versionOf(model));
    for (const pool of this.#pools.keys()) await this.#declarePool(model, pool, features);
  }

  /** @throws AgentError conflict for another queue of that name, forbidden */
  async declare(model: ChannelModel, pools: readonly string[]): Promise<void> {
    const features = featuresOf(versionOf(model));
    for (const pool of pools) {
      this.want(pool);
      await this.#declarePool(model, pool, features);
      const problem = this.problemOf(pool);
      if (problem !== undefined) throw problem;
    }
  }

  async #declarePool(model: ChannelModel, pool: string, { hasDefaultDeliveryLimit }: Features): Promise<void> {
    const { letters, jobs } = this.#wishes(pool, hasDefaultDeliveryLimit);
    let wish = letters;
    let { letterLimit } = this.#pools.get(pool) ?? unknown;
    try {
      const limit = (await declare(model, letters)) ?? rabbitmqLimits.defaultDeliveryLimit;
      letterLimit = limit < 0 ? Number.POSITIVE_INFINITY : limit;
      wish = jobs;
      await declare(model, jobs);
      this.#pools.set(pool, { isDeclared: true, letterLimit });
    } catch (error) {
      const problem = await problemOf(error, { model, broker: this.#broker, wish });
      if (problem === undefined) throw error;
      this.#pools.set(pool, { isDeclared: true, letterLimit, problem });
    }
  }

  #wishes(pool: string, hasDefaultDeliveryLimit: boolean): { letters: QueueWish; jobs: QueueWish } {
    const [dead, queued] = [deadQueue(this.#broker, pool), jobsQueue(this.#broker, pool)];
    const other = "or give this installation queues of other names: `?prefix=NAME` in the setting queue";
    return {
      letters: {
        name: dead,
        // NOTE: whoever looks at dead letters gives them back, which counts as a delivery.
        limit: hasDefaultDeliveryLimit ? -1 : undefined,
        words: {},
        remedy: `move what is in ${dead} to a queue of another name, and only then take away the empty one; ${other}`,
      },
      jobs: {
        name: queued,
        limit: this.#broker.tuning.deliveryLimit,
        words: {
          "x-dead-letter-exchange": "",
          "x-dead-letter-routing-key": dead,
          "x-dead-letter-strategy": "at-least-once",
          "x-overflow": "reject-publish",
        },
        remedy: `delete the queue ${queued}: the steps that wait in it are announced again; ${other}`,
      },
    };
  }
}
