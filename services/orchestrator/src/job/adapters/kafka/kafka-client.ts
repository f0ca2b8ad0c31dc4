// How the product speaks to Kafka: clients of kafkajs, with a patience that the rest relies on.
import { isIP } from "node:net";
import { connect } from "node:tls";

import { Kafka, logLevel } from "kafkajs";
import type { ISocketFactory, KafkaConfig, RetryOptions } from "kafkajs";

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

export function createClient({ brokers, limits, connections = {} }: ClientOptions, lastTls: LastTlsError = {}): Kafka {
  return new Kafka({
    ...(connections.ssl === undefined ? {} : { socketFactory: watchedSockets(lastTls) }),
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

/** Why the last connection with TLS could not be made; undefined once one was. The client tries for longer than anybody asks. */
export type LastTlsError = { error?: unknown };

/** The client's own way to connect, with an ear for what it keeps to itself. */
function watchedSockets(last: LastTlsError): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port, ...name, ...ssl }, () => {
      delete last.error;
      onConnect();
    });
    socket.once("error", (error) => {
      last.error = error;
    });
    return socket.setKeepAlive(true, keepAliveMs);
  };
}

/** Silence on a connection before the system asks whether the other side is there, ms. */
const keepAliveMs = 60_000;

const certificateProblems = /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/u;

/** What a person must mend before a broker lets this process in; undefined when it just does not answer. */
export function refusalOf(error: unknown): { detail: string; next: string } | undefined {
  for (let cause = error; cause instanceof Error; { cause } = cause) {
    if (cause.name === "KafkaJSSASLAuthenticationError") {
      return {
        detail: "Kafka refused the user, the password or the mechanism",
        next: "`export OSSAAT_QUEUE_PASSWORD=…` where the server starts, or correct the user or ?sasl= in the setting queue",
      };
    }
    const { code } = cause as { code?: unknown };
    if (typeof code === "string" && certificateProblems.test(code)) {
      return {
        detail: `the certificate of Kafka is not accepted: ${cause.message}`,
        next: "`ossaat config explain queueCa`: name the authority of the brokers' certificates; their names must be in them",
      };
    }
  }
  return undefined;
}

/** Name of the answer of a broker that refused, as `UNKNOWN_TOPIC_OR_PARTITION`; none when there was no answer. */
export function answerOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; { cause } = cause) {
    const { type } = cause as { type?: unknown };
    if (typeof type === "string") return type;
  }
  return undefined;
}
