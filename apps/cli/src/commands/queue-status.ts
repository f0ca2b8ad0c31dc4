// What `ossaat queue status` says, a line for the queue, each of its pools, and each worker at work.
import { countOf } from "@ossaat/contracts";
import type { QueueStatusResponse } from "@ossaat/contracts";

const orUnknown = (count: number | null, noun: string) => (count === null ? `unknown ${noun}s` : countOf(count, noun));

type PoolStatus = QueueStatusResponse["pools"][number];

function takersOf({ workers }: PoolStatus): string {
  if (workers === undefined) return "";
  if (workers === 0) return ", no worker takes them now";
  return `, taken by ${orUnknown(workers, "worker")}`;
}

/** One that is full takes nothing until it has room, so a busy one is no reason to start another. */
export const hasNobody = ({ pools, workers = [] }: QueueStatusResponse) =>
  workers.length === 0 && pools.some((pool) => pool.workers === 0);

export function statusLines({ health, waiting, pools, workers = [] }: QueueStatusResponse): string[] {
  const { ok, blocked, detail, next } = health;
  const unwell = next === undefined ? "away" : "wrong";
  const word = ok ? (blocked ? "blocked" : "well") : unwell;
  return [
    `${word}  ${detail}`,
    `${countOf(waiting, "message")} in the database`,
    ...pools.map((each) => {
      const { pool, depth, deadLetters } = each;
      const counts = `${orUnknown(depth, "message")} in the queue, ${orUnknown(deadLetters, "dead letter")}`;
      return `${pool}  ${counts}${takersOf(each)}`;
    }),
    ...workers.map(({ worker, running }) => `${worker}  runs ${countOf(running, "step")}`),
  ];
}
