import type { QueueStatusResponse } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { hasNobody, statusLines } from "./queue-status.ts";

const statusOf = (
  workers: number | null | undefined,
  running: QueueStatusResponse["workers"],
): QueueStatusResponse => ({
  schemaVersion: 1,
  health: { ok: true, blocked: false, detail: "RabbitMQ" },
  waiting: 2,
  pools: [{ pool: "default", depth: 3, deadLetters: 0, ...(workers === undefined ? {} : { workers }) }],
  ...(running === undefined ? {} : { workers: running }),
});
const busy = [{ worker: "worker-w1", running: 2 }];

test.each([
  [2, [], ", taken by 2 workers"],
  [0, [], ", no worker takes them now"],
  [null, [], ", taken by unknown workers"],
  [undefined, undefined, ""],
] as const)("with %s workers at the broker", (workers, running, told) => {
  expect(statusLines(statusOf(workers, running === undefined ? undefined : [...running]))).toEqual([
    "well  RabbitMQ",
    "2 messages in the database",
    `default  3 messages in the queue, 0 dead letters${told}`,
  ]);
});

test("workers that run steps are named; one that is full takes nothing, and is there all the same", () => {
  expect(statusLines(statusOf(0, busy)).at(-1)).toBe("worker-w1  runs 2 steps");
  expect([
    hasNobody(statusOf(0, [])),
    hasNobody(statusOf(0, busy)),
    hasNobody(statusOf(1, [])),
    hasNobody(statusOf(null, [])),
  ]).toEqual([true, false, false, false]);
});
