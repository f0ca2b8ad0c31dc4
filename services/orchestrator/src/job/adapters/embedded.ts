// The embedded queue: the outbox table itself. A delivery claims a row for a moment and
// deletes it when settled; an in-process wake makes it prompt, a poll makes it certain.
import { setTimeout as sleep } from "node:timers/promises";

import { JobEnvelope, jobLimits } from "@ossaat/contracts";

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

/** `give_back`: nobody looked at it, so it can be taken at once. */
async function settleRow(deps: EmbeddedQueueDeps, id: string, result: Settlement | "give_back"): Promise<void> {
  if (result === "retry_soon" || result === "give_back") {
    const until = result === "give_back" ? 0 : deps.clock.now() + jobEngineLimits.retrySoonMs;
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

function fits(envelope: JobEnvelope): boolean {
  return Buffer.byteLength(JSON.stringify(envelope)) <= jobLimits.maxEnvelopeBytes;
}

async function insertEnvelopes(deps: EmbeddedQueueDeps, envelopes: readonly JobEnvelope[]): Promise<void> {
  if (envelopes.length === 0) return;
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
  readonly #handlers = new Set<Promise<void>>();
  #closed = false;
  #polling = false;
  #again = false;
  #current: Promise<void> = Promise.resolve();

  constructor(deps: EmbeddedQueueDeps, pump: Pump) {
    this.#deps = deps;
    this.#pump = pump;
    this.#timer = setInterval(() => this.poke(), jobEngineLimits.pollMs);
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
    this.#current = this.#poll()
      .catch((error: unknown) => this.#deps.onError(error))
      .finally(() => {
        this.#polling = false;
        if (this.#again && !this.#closed) {
          this.#again = false;
          this.poke();
        }
      });
  }

  /** Takes no more; resolves when the handlers that run have returned. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#current;
    await Promise.all(this.#handlers);
  }

  async #poll(): Promise<void> {
    const free = this.#pump.slots - this.#pump.busy;
    if (this.#closed || this.#pump.paused || free <= 0) return;
    const rows = await claimRows(this.#deps, this.#pump.pool, free);
    for (const row of rows) {
      if (this.#closed || this.#pump.paused) await settleRow(this.#deps, row.id, "give_back");
      else await this.#deliver(row);
    }
  }

  async #deliver(row: OutboxRow): Promise<void> {
    let item: Delivery;
    try {
      item = delivery(this.#deps, row);
    } catch (error) {
      this.#deps.onError(error);
      await settleRow(this.#deps, row.id, "reject");
      this.#again = true;
      return;
    }
    this.#pump.busy += 1;
    const handling = this.#pump
      .handler(item)
      .catch(async (error: unknown) => {
        this.#deps.onError(error);
        await item.settle("retry_soon");
      })
      .catch((error: unknown) => this.#deps.onError(error))
      .finally(() => {
        this.#handlers.delete(handling);
        this.#pump.busy -= 1;
        this.poke();
      });
    this.#handlers.add(handling);
  }
}

export function createEmbeddedQueue(deps: EmbeddedQueueDeps): EmbeddedQueue {
  const pumps = new Set<PoolPump>();
  return {
    wake: () => pumps.forEach((pump) => pump.poke()),
    async publish(envelopes) {
      await insertEnvelopes(deps, envelopes.filter(fits));
      pumps.forEach((pump) => pump.poke());
      return envelopes.map((envelope) => ({ accepted: fits(envelope) }));
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
        close: async () => {
          pumps.delete(pump);
          await pump.close();
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
      const closing = Promise.all([...pumps].map((pump) => pump.close()));
      pumps.clear();
      await Promise.race([closing, sleep(drainMs, undefined, { ref: false })]);
    },
  };
}
