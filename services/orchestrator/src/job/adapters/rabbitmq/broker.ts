// What the parts of the adapter share: names of queues, features by version, and how to say what went wrong.
import { AgentError } from "@ossaat/contracts";
import type { Channel, ChannelModel } from "amqplib";
import { setTimeout as sleep } from "node:timers/promises";

import type { Clock, Ids, Rng } from "../../../clock.ts";
import type { RabbitmqTuning } from "./limits.ts";
import { rabbitmqLimits } from "./limits.ts";

export type RabbitmqOptions = {
  /** `amqp://` or `amqps://`; without a user it is guest, as brokers allow on their own machine. */
  url: string;
  /** Of the user in the address. */
  password?: string | undefined;
  /** Certificates (PEM) that the broker's is checked by; absent = the system's. */
  ca?: string | undefined;
  /** First word of all queue names; installations that share a virtual host need different ones. */
  prefix?: string;
  rng: Rng;
  ids: Ids;
  clock: Pick<Clock, "now">;
  onError(error: unknown): void;
  tuning?: Partial<RabbitmqTuning>;
};

export type Broker = Required<Pick<RabbitmqOptions, "url" | "prefix" | "rng" | "ids" | "clock" | "onError">> & {
  ca?: string | undefined;
  tuning: RabbitmqTuning;
  /** Host and port, without secrets. */
  address: string;
};

export function brokerOf({ tuning, prefix = "ossaat", password, ...options }: RabbitmqOptions): Broker {
  const url = new URL(options.url);
  if (password !== undefined) url.password = encodeURIComponent(password);
  return {
    ...options,
    url: url.href,
    prefix,
    address: url.host,
    tuning: { ...rabbitmqLimits, ...tuning },
  };
}

export const jobsQueue = ({ prefix }: Pick<Broker, "prefix">, pool: string) => `${prefix}.jobs.${pool}`;
export const deadQueue = ({ prefix }: Pick<Broker, "prefix">, pool: string) => `${prefix}.dlq.${pool}`;

/** Exclusive to the process that looks at the dead letters of a pool. */
export const lookQueue = ({ prefix }: Pick<Broker, "prefix">, pool: string) => `${prefix}.look.${pool}`;

/** NOTE: the client's own close never ends when the connection is lost meanwhile. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once("close", () => resolve());
    channel.close().then(resolve, () => resolve());
  });
}

/** Works on a channel of its own: whatever the broker refuses closes it. */
export async function onOwnChannel<T>(model: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await model.createChannel();
  // The failed call says it too.
  channel.on("error", () => undefined);
  try {
    return await work(channel);
  } finally {
    await closeChannel(channel);
  }
}

/** @throws AgentError unavailable when there is no answer in time, however the connection is */
export async function answerWithin<T>(broker: Broker, ms: number, asking: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const late = sleep(ms, undefined, { signal: answered.signal }).then(
    () => {
      throw unreachable(broker);
    },
    () => asking,
  );
  try {
    return await Promise.race([asking, late]);
  } finally {
    answered.abort();
  }
}

/** Version of the broker as it says itself, `3.10.8`. */
export function versionOf(model: ChannelModel): string {
  const { version } = model.connection.serverProperties;
  return typeof version === "string" ? version : "0";
}

const refusedReason = "refused";

/** What a broker ends the opening of a connection with, as amqplib tells it: 403 before, 530 after the password. */
const refusals = /ACCESS[-_]REFUSED|NOT[-_]ALLOWED|Expected ConnectionOpenOk/u;

/** The error of a broker that is there and lets this process not in; undefined for any other. */
export function refusalOf({ address }: Broker, cause: unknown): AgentError | undefined {
  if (!(cause instanceof Error) || !refusals.test(cause.message)) return undefined;
  return new AgentError("unavailable", `RabbitMQ at ${address} refused the user, the password or the virtual host.`, {
    details: {
      reason: refusedReason,
      next: "`export OSSAAT_QUEUE_PASSWORD=…` where the server starts, or correct the user or the virtual host in the setting queue",
    },
    cause,
  });
}

export function isRefusal(problem: AgentError | undefined): boolean {
  return problem?.details["reason"] === refusedReason;
}

export function unreachable(broker: Broker, cause?: unknown): AgentError {
  const refusal = refusalOf(broker, cause);
  if (refusal !== undefined) return refusal;
  const { address } = broker;
  return new AgentError("unavailable", `RabbitMQ at ${address} does not answer.`, {
    details: { next: "start the broker or correct the setting queue; `ossaat doctor` says whether it answers" },
    cause,
  });
}
