// The servers below a deployment: a real PostgreSQL and a real broker. They start once and serve many seeds.
import { startKafka, startPostgres, startRabbitmq } from "../../../packages/testkit/src/index.ts";
import type { PostgresServer } from "../../../packages/testkit/src/index.ts";

export type StackName = "rabbit" | "kafka";

/** A broker, whichever it is. */
export type Broker = {
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Keeps it from doing anything, while its connections stay open. */
  freeze(): void;
  /** Runs the command of its administrator; absent = it has none. */
  control?(...words: string[]): Promise<string>;
  remove(): Promise<void>;
};

export type Stack = {
  name: StackName;
  postgres: PostgresServer;
  broker: Broker;
  /** Settings of an orchestrator whose queues and topics begin with `namespace`. */
  queueSettings(namespace: string): Record<string, string>;
  remove(): Promise<void>;
};

/** As many partitions as a few workers need: each costs the broker and the client. */
const partitions = 4;

async function startRabbit(): Promise<Pick<Stack, "broker" | "queueSettings">> {
  const broker = await startRabbitmq();
  return {
    broker,
    queueSettings(namespace) {
      const address = new URL(broker.url);
      const { password } = address;
      address.password = "";
      address.searchParams.set("prefix", namespace);
      return { OSSAAT_QUEUE: address.href, OSSAAT_QUEUE_PASSWORD: password };
    },
  };
}

async function startKafkaBroker(): Promise<Pick<Stack, "broker" | "queueSettings">> {
  const broker = await startKafka();
  return {
    broker,
    queueSettings: (namespace) => ({
      OSSAAT_QUEUE: `kafka://${broker.address}?namespace=${namespace}&partitions=${partitions}`,
    }),
  };
}

/** The caller removes it. @throws Error when a server is not installed or does not start */
export async function startStack(name: StackName): Promise<Stack> {
  const postgres = await startPostgres({ commits: "memory" });
  try {
    const { broker, queueSettings } = await (name === "rabbit" ? startRabbit() : startKafkaBroker());
    return {
      name,
      postgres,
      broker,
      queueSettings,
      async remove() {
        await broker.remove();
        await postgres.remove();
      },
    };
  } catch (error) {
    await postgres.remove();
    throw error;
  }
}
