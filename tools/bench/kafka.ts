// Messages a second through a real broker of Kafka, published and handled: the adapter against bare
// kafkajs, and the client that could replace it against the same, in turns on one broker.
import { startKafka } from "../../packages/testkit/src/servers/start-kafka.ts";
import { openAdapter, openKafkajs, openPlatformatic } from "./kafka-contenders.ts";
import { toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import { contest } from "./queue-contest.ts";
import type { Bench } from "./report.ts";

async function run(): Promise<Result[]> {
  const server = await startKafka();
  try {
    const openers = [openKafkajs, openAdapter, openPlatformatic].map((open) => () => open(server.address));
    const [baseline = [], adapter = [], platformatic = []] = await contest(openers);
    const row = { unit: "messages/s", baselineName: "bare kafkajs" };
    const goal = { of: "ratio", relation: "≥", limit: 0.7 } as const;
    return [
      toResult({ ...row, id: "kafka.queue", goal }, { ours: adapter, baseline }),
      toResult({ ...row, id: "kafka.platformatic", goal: null }, { ours: platformatic, baseline }),
    ];
  } finally {
    await server.remove();
  }
}

export const kafkaQueue: Bench = { ids: ["kafka.queue", "kafka.platformatic"], run };
