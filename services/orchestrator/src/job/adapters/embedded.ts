// The embedded queue: the outbox table itself. A delivery takes a row for a moment and deletes it
// when settled; an in-process wake makes it prompt, a poll makes it certain.
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";

import type { Clock } from "../../clock.ts";
import { statement } from "../../store/statement.ts";
import type { Slots } from "../../store/statement.ts";
import type { Store } from "../../store/store.ts";
import type { OutboxRow } from "../../store/tables.ts";
import { isTooLarge, readEnvelope } from "../envelope-text.ts";
import type { Delivery, JobQueue, PublishResult, Settlement, Subscription } from "../job-queue.ts";
import { jobEngineLimits } from "../limits.ts";
import { buryRow, createEmbeddedDeadLetters } from "./embedded-dead-letters.ts";

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
  /** Handlers at once as it was subscribed, and as many as it may run now. */
  subscribedSlots: number;
  slots: number;
  handler: (delivery: Delivery) => Promise<void>;
  busy: number;
  paused: boolean;
};

/**
 * Messages that are in somebody's hands, by id, until when by the clock that never jumps. In memory, because the outbox has one
 * owner: when its process dies, whatever it held can be taken at once.
 */
type Taken = Map<string, number>;

type QueueState = { deps: EmbeddedQueueDeps; taken: Taken };

type NextRow = Pick<OutboxRow, "id" | "envelope_json">;

const selectNext = statement((db, { pool, limit }: Slots<{ pool: string; limit: number }>) =>
  db
    .selectFrom("outbox")
    .select(["id", "envelope_json"])
    .where("pool", "=", pool)
    .orderBy("priority", "desc")
    .orderBy("available_at")
    .orderBy("id")
    .limit(limit),
);

const selectMessage = statement((db, { id }: Slots<{ id: string }>) =>
  db.selectFrom("outbox").select("id").where("id", "=", id),
);

/**
 * Takes the next messages of a pool for a moment. `available_at` orders them and holds none back: it
 * is the past when it is written, and lies ahead only when the clock was set back.
 */
async function takeRows({ deps, taken }: QueueState, from: { pool: string; limit: number }): Promise<NextRow[]> {
  const now = deps.clock.monotonic();
  for (const [id, until] of taken) if (until <= now) taken.delete(id);
  const rows = await selectNext(deps.store.read, { pool: from.pool, limit: from.limit + taken.size });
  const free = rows.filter(({ id }) => !taken.has(id)).slice(0, from.limit);
  for (const { id } of free) taken.set(id, now + jobEngineLimits.outboxClaimMs);
  return free;
}

type RowEnd = { result: Settlement | "give_back"; reason?: string | undefined };

/** `give_back`: nobody looked at it, so it can be taken at once. */
async function settleRow({ deps, taken }: QueueState, id: string, { result, reason }: RowEnd): Promise<void> {
  if (result === "give_back") taken.delete(id);
  else if (result === "reject") {
    const at = deps.clock.now();
    await deps.store.tx((tx) => buryRow(tx, { id, at, reason: reason ?? "the receiver rejected it" }));
    taken.delete(id);
  } else if (result === "retry_soon") taken.set(id, deps.clock.monotonic() + jobEngineLimits.retrySoonMs);
  else {
    // The claim of a step has mostly taken its message out already.
    const [left] = await selectMessage(deps.store.read, { id });
    if (left !== undefined) await deps.store.tx((tx) => tx.deleteFrom("outbox").where("id", "=", id).execute());
    taken.delete(id);
  }
}

function delivery(queue: QueueState, row: NextRow): Delivery {
  let settled: Promise<void> | undefined;
  return {
    envelope: readEnvelope(row.envelope_json),
    settle: (result, reason) => (settled ??= settleRow(queue, row.id, { result, reason })),
  };
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
  readonly #queue: QueueState;
  readonly #pump: Pump;
  readonly #timer: NodeJS.Timeout;
  readonly #handlers = new Set<Promise<void>>();
  #closed = false;
  #polling = false;
  #again = false;
  #current: Promise<void> = Promise.resolve();

  constructor(queue: QueueState, pump: Pump) {
    this.#queue = queue;
    this.#pump = pump;
    this.#timer = setInterval(() => this.poke(), jobEngineLimits.pollMs);
  }

  pause(): void {
    this.#pump.paused = true;
  }

  resume(slots: number = this.#pump.subscribedSlots): void {
    this.#pump.slots = slots;
    this.#pump.paused = false;
    this.poke();
  }

  poke(): void {
    if (this.#polling) {
      this.#again = true;
      return;
    }
    this.#polling = true;
    this.#current = this.#poll()
      .catch((error: unknown) => this.#queue.deps.onError(error))
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
    const rows = await takeRows(this.#queue, { pool: this.#pump.pool, limit: free });
    for (const row of rows) {
      if (this.#closed || this.#pump.paused) await settleRow(this.#queue, row.id, { result: "give_back" });
      else await this.#deliver(row);
    }
  }

  async #deliver(row: NextRow): Promise<void> {
    let item: Delivery;
    try {
      item = delivery(this.#queue, row);
    } catch (error) {
      this.#queue.deps.onError(error);
      const reason = error instanceof Error ? error.message : String(error);
      await settleRow(this.#queue, row.id, { result: "reject", reason });
      this.#again = true;
      return;
    }
    this.#pump.busy += 1;
    const handling = this.#pump
      .handler(item)
      .catch(async (error: unknown) => {
        this.#queue.deps.onError(error);
        await item.settle("retry_soon");
      })
      .catch((error: unknown) => this.#queue.deps.onError(error))
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
  const taken: Taken = new Map();
  return {
    wake: () => pumps.forEach((pump) => pump.poke()),
    async publish(envelopes) {
      const answers = envelopes.map((envelope): PublishResult =>
        isTooLarge(envelope) ? { accepted: false, reason: "too_large" } : { accepted: true },
      );
      await insertEnvelopes(
        deps,
        envelopes.filter((_, index) => answers[index]?.accepted),
      );
      pumps.forEach((pump) => pump.poke());
      return answers;
    },
    subscribe(pool, slots, handler): Subscription {
      const pump = new PoolPump(
        { deps, taken },
        { pool, subscribedSlots: slots, slots, handler, busy: 0, paused: false },
      );
      pumps.add(pump);
      pump.poke();
      return {
        pause: () => pump.pause(),
        resume: (free) => pump.resume(free),
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
    deadLetters: createEmbeddedDeadLetters(deps, () => pumps.forEach((pump) => pump.poke())),
    async close({ drainMs }) {
      const closing = Promise.all([...pumps].map((pump) => pump.close()));
      pumps.clear();
      await Promise.race([closing, sleep(drainMs, undefined, { ref: false })]);
    },
  };
}
