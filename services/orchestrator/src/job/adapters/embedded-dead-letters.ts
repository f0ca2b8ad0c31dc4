// Dead letters beside the outbox: all of the embedded queue, and those that a relay could not send to its broker.
import { AgentError } from "@ossaat/contracts";
import type { JobEnvelope } from "@ossaat/contracts";
import type { SelectQueryBuilder } from "kysely";

import type { Reader, Store } from "../../store/store.ts";
import type { OutboxRow, Tables } from "../../store/tables.ts";
import { readEnvelope } from "../envelope-text.ts";
import type { DeadLetters } from "../job-queue.ts";
import { jobEngineLimits } from "../limits.ts";
import type { EmbeddedQueueDeps } from "./embedded.ts";

function readLetter(message: string): JobEnvelope {
  try {
    return readEnvelope(message);
  } catch (error) {
    throw new AgentError("conflict", "The letter cannot be read, so it is no message to give back.", {
      cause: error,
      details: { next: "`ossaat dlq drop` forgets it" },
    });
  }
}

/** @throws AgentError conflict when the text is no message */
function rowOf(letter: { id: string; message: string }, now: number): OutboxRow {
  const envelope = readLetter(letter.message);
  return {
    id: letter.id,
    pool: envelope.pool,
    dedupe_id: envelope.dedupeId,
    plan_id: envelope.planId,
    step_id: envelope.stepId,
    tenant_id: envelope.tenantId,
    priority: envelope.priority,
    envelope_json: letter.message,
    available_at: now,
    claimed_until: 0,
    written_at: now,
  };
}

/** How many rows a statement finds, counted as far as the limits say. */
export async function countFirst(
  read: Reader,
  found: SelectQueryBuilder<Tables, keyof Tables, { id: string }>,
): Promise<number> {
  const { count } = await read
    .selectFrom(found.limit(jobEngineLimits.countedMessages).as("found"))
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

function lettersOf(store: Store, pool: string, tenantId: string | undefined) {
  const letters = store.read.selectFrom("dead_letter").where("pool", "=", pool);
  return tenantId === undefined ? letters : letters.where("tenant_id", "=", tenantId);
}

export function createEmbeddedDeadLetters(
  { store, clock }: Pick<EmbeddedQueueDeps, "store" | "clock">,
  wake: () => void,
): DeadLetters {
  return {
    list: (pool, limit, tenantId) =>
      lettersOf(store, pool, tenantId)
        .select(["id", "reason", "message"])
        .orderBy("at")
        .orderBy("id")
        .limit(limit)
        .execute(),
    count: (pool, tenantId) => countFirst(store.read, lettersOf(store, pool, tenantId).select("id")),
    async end(pool, id, how) {
      const found = await store.tx(async (tx) => {
        const gone = tx.deleteFrom("dead_letter").where("id", "=", id).where("pool", "=", pool);
        const letter = await gone.returning(["id", "message"]).executeTakeFirst();
        if (letter !== undefined && how === "requeue") {
          await tx
            .insertInto("outbox")
            .values(rowOf(letter, clock.now()))
            .onConflict((conflict) => conflict.column("id").doNothing())
            .execute();
        }
        return letter !== undefined;
      });
      wake();
      return found;
    },
  };
}
