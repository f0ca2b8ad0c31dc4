// Starts one broker of Kafka for all tests of a vitest project; each test has its own names on it.
import type { TestProject } from "vitest/node";

import { startKafka } from "./start-kafka.ts";

declare module "vitest" {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- merges into vitest's own
  interface ProvidedContext {
    /** `host:port` of the broker. */
    kafkaAddress: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startKafka();
  project.provide("kafkaAddress", server.address);
  return () => server.remove();
}
