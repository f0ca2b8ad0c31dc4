// Records that wait in a process without a free slot go to others. Kafka gives all records of a plan to one
// member of the group, which may be full while others are idle.
import { randomUUID } from "node:crypto";

import type { IHeaders } from "kafkajs";

import type { JobRecord } from "./pool-pump.ts";
import type { Publisher } from "./publisher.ts";

/** Header of a record that was passed on: how often. */
const passesHeader = "passes";

/** How often a record was passed on. */
export function passesOf(headers: IHeaders | undefined): number {
  const passes = Number(String(headers?.[passesHeader] ?? "0"));
  return Number.isSafeInteger(passes) && passes >= 0 ? passes : 0;
}

/** Writes the record again, with a key of its own, so that it may go to any member. Rejects when it was not accepted. */
export async function passOn(
  publisher: Publisher,
  topic: string,
  { value, headers, passes }: Pick<JobRecord, "value" | "headers" | "passes">,
): Promise<void> {
  const counted = { ...headers, [passesHeader]: String(passes + 1) };
  await publisher.send(topic, [{ key: randomUUID(), value, headers: counted }]);
}
