// A process with a queue of its own that dies by SIGKILL: while it holds messages, or right after it
// sent some. Arguments: a module that exports `openQueue(address)`, the address, what to do, and with what.
import { setTimeout as sleep } from "node:timers/promises";

import { JobEnvelope } from "@ossaat/contracts";

import type { JobQueue } from "../job/job-queue.ts";

/** Too short for an answer of a broker, long enough to write to a socket. */
const sendMs = 3;

const [moduleFile = "", address = "", order = "", pool = "", data = ""] = process.argv.slice(2);
const { openQueue } = (await import(moduleFile)) as { openQueue: (address: string) => JobQueue };
const queue = openQueue(address);
await queue.ensureTopology([pool]);
if (order === "consume") {
  queue.subscribe(pool, Number(data), async ({ envelope }) => {
    process.stdout.write(`${envelope.stepId}\n`);
    await new Promise<never>(() => undefined);
  });
} else {
  const envelopes = JobEnvelope.array().parse(JSON.parse(data));
  void queue.publish(envelopes);
  await sleep(sendMs);
  process.kill(process.pid, "SIGKILL");
}
