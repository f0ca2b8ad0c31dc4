// Messages a second through a real broker of Kafka, published and handled: the adapter against bare
// kafkajs, and the client that could replace it against the same, in turns on one broker.
import { jobEnvelope } from "../../services/orchestrator/src/job/dispatch-step.ts";
import { startKafka } from "../../packages/testkit/src/servers/start-kafka.ts";
import { openAdapter, openKafkajs, openPlatformatic } from "./kafka-contenders.ts";
import type { Contender } from "./kafka-contenders.ts";
import { toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import type { Bench } from "./report.ts";

const rounds = 9;
const batches = 40;
/** As many as the relay sends at once. */
const batchSize = 100;
const plans = 24;

function messagesOf(round: number) {
  const message = (n: number) =>
    jobEnvelope({
      tenantId: "local",
      priority: 0,
      step: {
        plan_id: `plan-00000000-0000-4000-8000-${String(n % plans).padStart(12, "0")}`,
        step_id: `step-${n}`,
        attempt: 1,
        pool: "default",
        kind: "agent",
      },
      now: n,
      messageId: `message-${round}-${n}`,
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    });
  return Array.from({ length: batches }, (_, batch) =>
    Array.from({ length: batchSize }, (_, n) => message(batch * batchSize + n)),
  );
}

async function rate(contender: Contender, round: number): Promise<number> {
  const messages = messagesOf(round);
  const start = performance.now();
  await contender.pass(messages);
  return ((batches * batchSize) / (performance.now() - start)) * 1000;
}

async function run(): Promise<Result[]> {
  const server = await startKafka();
  const contenders: Contender[] = [];
  try {
    const figures: number[][] = [];
    for (const open of [openKafkajs, openAdapter, openPlatformatic]) contenders.push(await open(server.address));
    for (let round = 0; round <= rounds; round += 1) {
      // One after the other, so that a busy machine slows all of them; the first round does not count.
      for (const [index, contender] of contenders.entries()) {
        const figure = await rate(contender, round);
        if (round > 0) (figures[index] ??= []).push(figure);
      }
    }
    const [baseline = [], adapter = [], platformatic = []] = figures;
    const row = { unit: "messages/s", baselineName: "bare kafkajs" };
    const goal = { of: "ratio", relation: "≥", limit: 0.7 } as const;
    return [
      toResult({ ...row, id: "kafka.queue", goal }, { ours: adapter, baseline }),
      toResult({ ...row, id: "kafka.platformatic", goal: null }, { ours: platformatic, baseline }),
    ];
  } finally {
    for (const contender of contenders) await contender.close();
    await server.remove();
  }
}

export const kafkaQueue: Bench = { ids: ["kafka.queue", "kafka.platformatic"], run };
