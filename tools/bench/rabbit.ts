// Messages a second through a real RabbitMQ, published and handled: the adapter against bare amqplib,
// in turns on one server.
import { startRabbitmq } from "../../packages/testkit/src/servers/start-rabbitmq.ts";
import { toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import { contest } from "./queue-contest.ts";
import { openAdapter, openAmqplib } from "./rabbit-contenders.ts";
import type { Bench } from "./report.ts";

async function run(): Promise<Result[]> {
  const server = await startRabbitmq();
  try {
    const [baseline = [], ours = []] = await contest([openAmqplib, openAdapter].map((open) => () => open(server.url)));
    const goal = { of: "ratio", relation: "≥", limit: 0.7 } as const;
    const row = { id: "rabbit.queue", unit: "messages/s", baselineName: "bare amqplib", goal };
    return [toResult(row, { ours, baseline })];
  } finally {
    await server.remove();
  }
}

export const rabbitQueue: Bench = { ids: ["rabbit.queue"], run };
