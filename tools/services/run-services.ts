// Runs PostgreSQL and a broker on loopback for whoever tries the product on them, until it is told to stop.
import { once } from "node:events";
import { parseArgs } from "node:util";

import { startStack } from "../chaos/deployment/stack.ts";
import type { StackName } from "../chaos/deployment/stack.ts";

/** The address without its password, and the password. */
function apart(url: string): { address: string; password: string } {
  const address = new URL(url);
  const password = decodeURIComponent(address.password);
  address.password = "";
  return { address: address.href, password };
}

const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** What to type in another terminal. */
function commandOf(store: string, { OSSAAT_QUEUE: queue = "", OSSAAT_QUEUE_PASSWORD: secret }: Record<string, string>) {
  const { address, password } = apart(store);
  const secrets = [
    `PGPASSWORD=${quoted(password)}`,
    ...(secret === undefined ? [] : [`OSSAAT_QUEUE_PASSWORD=${quoted(secret)}`]),
  ];
  return `export ${secrets.join(" ")} OSSAAT_STORE=${quoted(address)} OSSAAT_QUEUE=${quoted(queue)}`;
}

async function runServices(name: StackName): Promise<void> {
  const told = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const stack = await startStack(name);
  try {
    const store = await stack.postgres.createDatabase();
    const broker = name === "rabbit" ? "RabbitMQ" : "Apache Kafka";
    console.log(`PostgreSQL and ${broker} run on 127.0.0.1. In another terminal:\n`);
    console.log(`  ${commandOf(store, stack.queueSettings("ossaat"))}`);
    console.log("  apps/cli/bin/ossaat up --detach\n");
    console.log("Ctrl+C stops both and removes what is in them.");
    await told;
  } finally {
    await stack.remove();
  }
}

const { values } = parseArgs({ options: { stack: { type: "string" } } });
const names: readonly StackName[] = ["rabbit", "kafka"];
const asked = values.stack === undefined || values.stack === "" ? "rabbit" : values.stack;
const stack = names.find((name) => name === asked);
if (stack === undefined) {
  console.error("usage: make services [STACK=rabbit|kafka]");
  process.exit(2);
}
await runServices(stack);
