// The embedded queue: the outbox table itself. A delivery claims a row for a moment and
// deletes it when settled; an in-process wake makes it prompt, a poll makes it certain.
import { JobEnvelope } from "@ossaat/contracts";

import type { Clock } from "../../clock.ts";
import type { Store } from "../../store/store.ts";
import type { OutboxRow } from "../../store/tables.ts";
import type { Delivery, JobQueue, Settlement, Subscription } from "../job-queue.ts";
import { jobEngineLimits } from "../limits.ts";

export type EmbeddedQueueDeps = {
  store: Store;
  clock: Clock;
  onError(error: unknown): void;
};

export type EmbeddedQueue = JobQueue & {
  /** Tells that the outbox may have grown. */
  wake(): void;
};

type Pump = {
  pool: string;
  slots: number;
  handler: (delivery: Delivery) => Promise<void>;
  busy: number;
  paused: boolean;
};

async function claimRows(deps: EmbeddedQueueDeps, pool: string, limit: number): Promise<OutboxRow[]> {
  const now = deps.clock.now();
  return deps.store.tx(async (tx) => {
    const rows = await tx
      .selectFrom("outbox")
      .selectAll()
      .where("pool", "=", pool)
      .where("available_at", "<=", now)
      .where("claimed_until", "<=", now)
      .orderBy("priority", "desc")
      .orderBy("available_at")
      .orderBy("id")
      .limit(limit)
      .execute();
    if (rows.length === 0) return rows;
    await tx
      .updateTable("outbox")
      .set({ claimed_until: now + jobEngineLimits.outboxClaimMs })
      .where(
        "id",
        "in",
        rows.map((row) => row.id),
      )
      .execute();
    return rows;
  });
}

async function settleRow(deps: EmbeddedQueueDeps, id: string, result: Settlement): Promise<void> {
  if (result === "retry_soon") {
    const until = deps.clock.now() + jobEngineLimits.retrySoonMs;
    await deps.store.tx((tx) => tx.updateTable("outbox").set({ claimed_until: until }).where("id", "=", id).execute());
    return;
  }
  await deps.store.tx((tx) => tx.deleteFrom("outbox").where("id", "=", id).execute());
}

function delivery(deps: EmbeddedQueueDeps, row: OutboxRow): Delivery {
  let settled: Promise<void> | undefined;
  return {
    envelope: JobEnvelope.parse(JSON.parse(row.envelope_json)),
    settle: (result) => (settled ??= settleRow(deps, row.id, result)),
  };
}

async function insertEnvelopes(deps: EmbeddedQueueDeps, envelopes: readonly JobEnvelope[]): Promise<void> {
  await deps.store.tx((tx) =>
    tx
      .insertInto("outbox")
      .values(
        envelopes.map((envelope) => ({
          id: envelope.messageId,
          pool: envelope.pool,
          dedupe_id: envelope.dedupeId,
          plan_id: envelope.planId,
          step_id: envelope.stepId,
          tenant_id: envelope.tenantId,
          priority: envelope.priority,
          envelope_json: JSON.stringify(envelope),
          available_at: deps.clock.now(),
          claimed_until: 0,
        })),
      )
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute(),
  );
}

/** Runs deliveries of one pool until closed; never more than `slots` handlers at once. */
class PoolPump {
  readonly #deps: EmbeddedQueueDeps;
  readonly #pump: Pump;
  readonly #timer: NodeJS.Timeout;
  #closed = false;
  #polling = false;
  #again = false;

  constructor(deps: EmbeddedQueueDeps, pump: Pump) {
    this.#deps = deps;
    this.#pump = pump;
    this.#timer = setInterval(() => this.poke(), jobEngineLimits.pollMs);
  }

  get busy(): number {
    return this.#pump.busy;
  }

  set paused(paused: boolean) {
    this.#pump.paused = paused;
    if (!paused) this.poke();
  }

  poke(): void {
    if (this.#polling) {
      this.#again = true;
      return;
    }
    this.#polling = true;
    this.#poll()
      .catch((error: unknown) => this.#deps.onError(error))
      .finally(() => {
        this.#polling = false;
        if (this.#again) {
          this.#again = false;
          this.poke();
        }
      });
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    const free = this.#pump.slots - this.#pump.busy;
    if (this.#closed || this.#pump.paused || free <= 0) return;
    const rows = await claimRows(this.#deps, this.#pump.pool, free);
    for (const row of rows) this.#deliver(row);
  }

  #deliver(row: OutboxRow): void {
    const item = delivery(this.#deps, row);
    this.#pump.busy += 1;
    this.#pump
      .handler(item)
      .catch(async (error: unknown) => {
        this.#deps.onError(error);
        await item.settle("retry_soon");
      })
      .catch((error: unknown) => this.#deps.onError(error))
      .finally(() => {
        this.#pump.busy -= 1;
        this.poke();
      });
  }
}

export function createEmbeddedQueue(deps: EmbeddedQueueDeps): EmbeddedQueue {
  const pumps = new Set<PoolPump>();
  return {
    wake: () => pumps.forEach((pump) => pump.poke()),
    async publish(envelopes) {
      if (envelopes.length > 0) await insertEnvelopes(deps, envelopes);
      pumps.forEach((pump) => pump.poke());
      return envelopes.map(() => ({ accepted: true }));
    },
    subscribe(pool, slots, handler): Subscription {
      const pump = new PoolPump(deps, { pool, slots, handler, busy: 0, paused: false });
      pumps.add(pump);
      pump.poke();
      return {
        pause: () => {
          pump.paused = true;
        },
        resume: () => {
          pump.paused = false;
        },
        close: () => {
          pump.close();
          pumps.delete(pump);
          return Promise.resolve();
        },
      };
    },
    async depth(pool) {
      const row = await deps.store.read
        .selectFrom("outbox")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("pool", "=", pool)
        .executeTakeFirstOrThrow();
      return row.count;
    },
    health: () => deps.store.ping().then(() => ({ ok: true, detail: "outbox table" })),
    ensureTopology: () => Promise.resolve(),
    async close({ drainMs }) {
      pumps.forEach((pump) => pump.close());
      const end = deps.clock.monotonic() + drainMs;
      while ([...pumps].some((pump) => pump.busy > 0) && deps.clock.monotonic() < end) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      pumps.clear();
    },
  };
}
