// The queue on Kafka keeps what every queue promises.
import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { afterAll, beforeAll } from "vitest";

import { openKafkaQueue } from "../../../testing/kafka-under-test.ts";
import { noStore } from "../../durability-cases.ts";
import { describeJobQueue } from "../../job-queue.contract.ts";

// A broker of its own, because a case lets it stand still.
let server: KafkaServer;
beforeAll(async () => {
  server = await startKafka();
});
afterAll(() => server.remove());

describeJobQueue("Kafka", noStore, () => Promise.resolve(openKafkaQueue(server)));
