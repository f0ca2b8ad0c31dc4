// The address of a cluster as an operator writes it: `kafka://host:port,host:port?namespace=team-a`.
import { AgentError } from "@ossaat/contracts";

import type { KafkaQueueOptions } from "./kafka-queue.ts";

const scheme = "kafka://";
const defaultPort = 9092;
const names = ["namespace", "partitions", "copies"];

/** Brokers, and what topics are named and made like. */
export type KafkaAddress = Pick<KafkaQueueOptions, "brokers" | "namespace" | "partitions" | "replicationFactor">;

function wrong(what: string): AgentError {
  const next =
    "`ossaat config explain queue`; it is kafka://HOST:PORT[,HOST:PORT][?namespace=NAME&partitions=N&copies=N]";
  return new AgentError("invalid_input", `The address of Kafka is wrong: ${what}.`, { details: { next } });
}

function brokerOf(text: string): string {
  const address = URL.canParse(`tcp://${text}`) ? new URL(`tcp://${text}`) : undefined;
  const { hostname = "", port = "", username = "", pathname = "" } = address ?? {};
  if (hostname === "" || username !== "" || pathname !== "") throw wrong("one of its brokers is no host and port");
  return `${hostname}:${port === "" ? defaultPort : port}`;
}

function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/u.test(text)) throw wrong(`${name} must be a number from 1`);
  return Number(text);
}

/** @throws AgentError invalid_input */
export function parseKafkaAddress(text: string): KafkaAddress {
  if (!text.startsWith(scheme)) throw wrong(`it must begin with ${scheme}`);
  const [places = "", query = ""] = text.slice(scheme.length).split("?");
  const settings = new URLSearchParams(query);
  const unknown = [...settings.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) throw wrong(`there is no "${unknown}"`);
  const namespace = settings.get("namespace");
  if (namespace !== null && !/^[a-zA-Z0-9._-]{1,100}$/u.test(namespace)) {
    throw wrong("namespace must be letters, digits, dots, dashes or underscores");
  }
  const partitions = settings.get("partitions");
  const copies = settings.get("copies");
  return {
    brokers: places.replace(/\/$/u, "").split(",").map(brokerOf),
    ...(namespace === null ? {} : { namespace }),
    ...(partitions === null ? {} : { partitions: numberOf("partitions", partitions) }),
    ...(copies === null ? {} : { replicationFactor: numberOf("copies", copies) }),
  };
}
