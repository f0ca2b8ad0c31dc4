// The address of a cluster as an operator writes it: `kafkas://user@host:port,host:port?namespace=team-a`.
import { AgentError, isLoopback } from "@ossaat/contracts";

import type { KafkaQueueOptions } from "./kafka-queue.ts";

const ports: Readonly<Record<string, number>> = { "kafka:": 9092, "kafkas:": 9093 };
const names = ["namespace", "partitions", "copies", "sasl"];
const mechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;

export type KafkaLogin = { user: string; mechanism: (typeof mechanisms)[number] };

/** Brokers, how to speak to them, and what topics are named and made like. */
export type KafkaAddress = Pick<KafkaQueueOptions, "brokers" | "namespace" | "partitions" | "replicationFactor"> & {
  isTls: boolean;
  login?: KafkaLogin;
};

function wrong(what: string): AgentError {
  const words = "[?namespace=NAME&partitions=N&copies=N&sasl=MECHANISM]";
  const next = `\`ossaat config explain queue\`; it is kafka[s]://[USER@]HOST:PORT[,HOST:PORT]${words}`;
  return new AgentError("invalid_input", `The address of Kafka is wrong: ${what}.`, { details: { next } });
}

function brokerOf(text: string, defaultPort: number): string {
  const address = URL.canParse(`tcp://${text}`) ? new URL(`tcp://${text}`) : undefined;
  const { hostname = "", port = "", username = "", pathname = "" } = address ?? {};
  if (hostname === "" || username !== "" || pathname !== "") throw wrong("one of its brokers is no host and port");
  return `${hostname}:${port === "" ? defaultPort : port}`;
}

function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/u.test(text)) throw wrong(`${name} must be a number from 1`);
  return Number(text);
}

function loginOf(user: string | undefined, sasl: string | null): KafkaLogin | undefined {
  if (user === undefined && sasl === null) return undefined;
  if (user === undefined) throw wrong("sasl is how a user is known, and it names none");
  const mechanism = mechanisms.find((one) => one === (sasl ?? "scram-sha-512"));
  if (mechanism === undefined) throw wrong(`sasl must be one of ${mechanisms.join(", ")}`);
  // The password stands apart: an address is shown and stored.
  if (!/^(?:[^%:,]|%[0-9a-f]{2})+$/iu.test(user)) throw wrong("it holds a password, or a user that is none");
  return { user: decodeURIComponent(user), mechanism };
}

const isHere = (broker: string) => isLoopback(broker.replace(/:\d+$/u, ""));

/** @throws AgentError invalid_input */
export function parseKafkaAddress(text: string): KafkaAddress {
  const [scheme = "", rest = ""] = text.split("//", 2);
  const port = ports[scheme];
  if (port === undefined) throw wrong("it must begin with kafka:// or kafkas://");
  const [places = "", query = ""] = rest.split("?");
  const settings = new URLSearchParams(query);
  const unknown = [...settings.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(`there is no "${unknown}"`);
  const namespace = settings.get("namespace");
  if (namespace !== null && !/^[a-zA-Z0-9._-]{1,100}$/u.test(namespace)) {
    throw wrong("namespace must be letters, digits, dots, dashes or underscores");
  }
  const [hosts = "", user] = places.split("@").toReversed();
  const login = loginOf(user, settings.get("sasl"));
  const brokers = hosts
    .replace(/\/$/u, "")
    .split(",")
    .map((each) => brokerOf(each, port));
  const isTls = scheme === "kafkas:";
  if (login !== undefined && !isTls && !brokers.every(isHere)) {
    throw wrong("a password would travel unencrypted to another machine; use kafkas://");
  }
  const partitions = settings.get("partitions");
  const copies = settings.get("copies");
  return {
    brokers,
    isTls,
    ...(login === undefined ? {} : { login }),
    ...(namespace === null ? {} : { namespace }),
    ...(partitions === null ? {} : { partitions: numberOf("partitions", partitions) }),
    ...(copies === null ? {} : { replicationFactor: numberOf("copies", copies) }),
  };
}
