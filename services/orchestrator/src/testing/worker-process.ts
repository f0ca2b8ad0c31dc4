// A process with a worker of its own on somebody's store and queue; whoever started it kills it. Argument:
// JSON. It prints the step that it claimed as soon as it is where it is to be killed.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { createFileArtifacts } from "../artifact/adapters/files.ts";
import { systemIds } from "../clock.ts";
import { createQueueParts } from "../compose/queue-parts.ts";
import { createEventBus } from "../event/event-bus.ts";
import { claimStep, isClaim } from "../job/claim-step.ts";
import type { Engine } from "../job/engine.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { createWorker } from "../job/worker.ts";
import { openPostgresStore } from "../store/adapters/postgres.ts";
import { openSqliteStore } from "../store/adapters/sqlite.ts";
import { manualClock, seededRng } from "./manual-clock.ts";
import type { QueueEntry } from "./queue-deaths.ts";
import type { StorePlace } from "./test-store.ts";

export type WorkerOrder = {
  place: StorePlace;
  /** Absent: the outbox is the queue. */
  entry?: QueueEntry | undefined;
  pool: string;
  /** `claimed`: the message is not settled yet. `settled`: it is, and the step runs. */
  until: "claimed" | "settled";
};

const { place, entry, pool, until } = JSON.parse(process.argv[2] ?? "") as WorkerOrder;
const clock = manualClock();
const store =
  "file" in place ? await openSqliteStore(place.file) : await openPostgresStore({ url: place.url, leaseClock: clock });
const note = (fields: object, message: string) =>
  void process.stderr.write(
    `${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? String(value) : value))}\n`,
  );
const engine: Engine = {
  store,
  clock,
  ids: systemIds,
  rng: seededRng(1),
  bus: createEventBus(),
  artifacts: createFileArtifacts(mkdtempSync(path.join(tmpdir(), "ossaat-worker-"))),
  log: { info: () => undefined, warn: note, error: note },
  wakeQueue: () => parts.wake(),
  signalCancel: () => undefined,
};

async function openQueue({ module, address }: QueueEntry): Promise<JobQueue> {
  const { openQueue: open } = (await import(module)) as { openQueue: (address: string) => JobQueue };
  return open(address);
}

const broker = entry === undefined ? undefined : await openQueue(entry);
const parts = createQueueParts(engine, { openQueue: broker === undefined ? undefined : () => broker, slots: 1 });
await parts.queue.ensureTopology([pool]);
const forever = () => new Promise<never>(() => undefined);
const isWhere = (stepId: string) => void process.stdout.write(`${stepId}\n`);
if (until === "claimed") {
  parts.queue.subscribe(pool, 1, async ({ envelope }) => {
    const claim = await claimStep(engine, envelope, "worker-dead");
    if (isClaim(claim)) isWhere(claim.stepId);
    await forever();
  });
} else {
  const { queue } = parts;
  const watched: JobQueue = {
    ...queue,
    subscribe: (from, slots, handler) =>
      queue.subscribe(from, slots, (delivery) =>
        handler({
          ...delivery,
          async settle(result, reason) {
            await delivery.settle(result, reason);
            // Asking makes the queue tell its broker what was settled.
            await queue.depth(pool);
            if (result === "done") isWhere(delivery.envelope.stepId);
          },
        }),
      ),
  };
  createWorker({ engine, queue: watched, runStep: forever, workerId: "worker-dead", pool, slots: 1 }).start();
}
parts.start();
