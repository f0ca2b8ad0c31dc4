// The embedded queue: the outbox table itself. A delivery claims a row for a moment and deletes it
// when settled; an in-process wake makes it prompt, a poll makes it certain.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { JobEnvelope } from "@ossaat/contracts";

import type { Clock } from "../../clock.ts";
import type { Store } from "../../store/store.ts";
import { buryMessage } from "../bury-message.ts";
import { createOutboxClaims } from "../claim-outbox.ts";
import type { ClaimedMessage, OutboxClaims } from "../claim-outbox.ts";
import type { DispatchRules } from "../dispatch-rules.ts";
import { isTooLarge, readEnvelope } from "../envelope-text.ts";
import type { Delivery, JobQueue, PublishResult, Settlement, Subscription } from "../job-queue.ts";
import { jobEngineLimits } from "../limits.ts";
import { countFirst, createEmbeddedDeadLetters } from "./embedded-dead-letters.ts";

export type EmbeddedQueueDeps = {
  store: Store;
  clock: Clock;
  /** Messages of a tenant in one round; absent = one of each. */
  weights?: DispatchRules["weights"];
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

type QueueState = { deps: EmbeddedQueueDeps; claims: OutboxClaims };

function takeRows({ claims }: QueueState, from: { pool: string; limit: number }): Promise<ClaimedMessage[]> {
  return claims.take({ ...from, forMs: jobEngineLimits.outboxClaimMs });
}

type RowEnd = { result: Settlement; reason?: string | undefined };

async function settleRow({ deps, claims }: QueueState, row: ClaimedMessage, { result, reason }: RowEnd): Promise<void> {
  if (result === "retry_soon") {
    await claims.giveBack([row], jobEngineLimits.retrySoonMs).catch((error: unknown) => {
      // The claim runs out by itself, and that the store cannot be reached is why it is given back.
      if (AgentError.from(error).code !== "unavailable") throw error;
    });
    return;
  }
  if (result === "reject") {
    const at = deps.clock.now();
    await deps.store.tx((tx) => buryMessage(tx, { id: row.id, at, reason: reason ?? "the receiver rejected it" }));
  }
  await claims.remove([row]);
}

function delivery(queue: QueueState, row: ClaimedMessage): Delivery {
  let settled: Promise<void> | undefined;
  return {
    envelope: readEnvelope(row.envelope_json),
    settle: (result, reason) => (settled ??= settleRow(queue, row, { result, reason })),
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
          written_at: deps.clock.now(),
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

  #free(): number {
    return this.#closed || this.#pump.paused ? 0 : this.#pump.slots - this.#pump.busy;
  }

  async #poll(): Promise<void> {
    if (this.#free() <= 0) return;
    const rows = await takeRows(this.#queue, { pool: this.#pump.pool, limit: this.#free() });
    for (const row of rows) {
      // NOTE: while the rows came it may have been paused, and resumed with fewer slots.
      if (this.#free() <= 0) await this.#queue.claims.giveBack([row]);
      else await this.#deliver(row);
    }
  }

  async #deliver(row: ClaimedMessage): Promise<void> {
    let item: Delivery;
    try {
      item = delivery(this.#queue, row);
    } catch (error) {
      this.#queue.deps.onError(error);
      const reason = error instanceof Error ? error.message : String(error);
      await settleRow(this.#queue, row, { result: "reject", reason });
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
        // NOTE: timers and requests get their turn between two messages, however many are stale: a file
        // answers without waiting for anything.
        setImmediate(() => this.poke());
      });
    this.#handlers.add(handling);
  }
}

export function createEmbeddedQueue(deps: EmbeddedQueueDeps): EmbeddedQueue {
  const pumps = new Set<PoolPump>();
  const claims = createOutboxClaims(deps);
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
        { deps, claims },
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
      const waiting = deps.store.read.selectFrom("outbox").select("id").where("pool", "=", pool);
      return countFirst(deps.store.read, waiting);
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
