// Engine, worker, relay and a real broker of Kafka, over both stores.
import { inject } from "vitest";

import { kafkaUnderEngine } from "../testing/kafka-engine.ts";
import { postgresTestStore } from "../testing/postgres.ts";
import { sqliteTestStore } from "../testing/test-store.ts";
import { describeQueuedEngine } from "./queued-engine.contract.ts";

for (const store of [sqliteTestStore, postgresTestStore]) {
  describeQueuedEngine("Kafka", () => kafkaUnderEngine([inject("kafkaAddress")]), store);
}
