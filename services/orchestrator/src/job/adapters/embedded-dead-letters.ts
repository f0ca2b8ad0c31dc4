// Dead letters beside the outbox: all of the embedded queue, and those that a relay could not send to its broker.
import { AgentError } from "@ossaat/contracts";
import type { JobEnvelope } from "@ossaat/contracts";
import type { SelectQueryBuilder } from "kysely";

import type { Reader, Store } from "../../store/store.ts";
import type { OutboxRow, Tables } from "../../store/tables.ts";
import { readEnvelope } from "../envelope-text.ts";
import type { DeadLetter, DeadLetters } from "../job-queue.ts";
import { headOf } from "../letter-head.ts";
import type { LetterHead } from "../letter-head.ts";
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

/** Letters read at once. */
const pageRows = 500;

/** The oldest first. */
async function* lettersIn(store: Store, pool: string, tenantId: string | undefined): AsyncGenerator<DeadLetter> {
  let last: { at: number; id: string } | undefined;
  for (;;) {
    let letters = lettersOf(store, pool, tenantId).select(["id", "reason", "message", "at"]);
    if (last !== undefined) {
      const { at, id } = last;
      letters = letters.where((eb) => eb.or([eb("at", ">", at), eb.and([eb("at", "=", at), eb("id", ">", id)])]));
    }
    const page = await letters.orderBy("at").orderBy("id").limit(pageRows).execute();
    yield* page.map(({ at, ...letter }) => ({ ...letter, diedAt: at }));
    last = page.at(-1);
    if (page.length < pageRows) return;
  }
}

type Ending = { pool: string; ids: readonly string[]; how: "requeue" | "drop"; now: number };

async function endLetters(store: Store, { pool, ids, how, now }: Ending): Promise<string[]> {
  return store.tx(async (tx) => {
    const gone = tx.deleteFrom("dead_letter").where("id", "in", ids).where("pool", "=", pool);
    const letters = await gone.returning(["id", "message"]).execute();
    if (letters.length > 0 && how === "requeue") {
      await tx
        .insertInto("outbox")
        .values(letters.map((letter) => rowOf(letter, now)))
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
    }
    return letters.map(({ id }) => id);
  });
}

export function createEmbeddedDeadLetters(
  { store, clock }: Pick<EmbeddedQueueDeps, "store" | "clock">,
  wake: () => void,
): DeadLetters {
  return {
    async list(pool, limit, { tenantId, withinMs = Number.POSITIVE_INFINITY, isWanted = () => true } = {}) {
      const letters: DeadLetter[] = [];
      const until = clock.monotonic() + withinMs;
      for await (const letter of lettersIn(store, pool, tenantId)) {
        if (clock.monotonic() > until) return { letters, isCut: true };
        if (!isWanted(headOf(letter))) continue;
        if (letters.length >= limit) return { letters, isCut: true };
        letters.push(letter);
      }
      return { letters, isCut: false };
    },
    count: (pool, tenantId) => countFirst(store.read, lettersOf(store, pool, tenantId).select("id")),
    async end(pool, { tenantId, withinMs = Number.POSITIVE_INFINITY, choose, goOn }, how) {
      const heads: LetterHead[] = [];
      const until = clock.monotonic() + withinMs;
      let isAll = true;
      for await (const letter of lettersIn(store, pool, tenantId)) {
        isAll = clock.monotonic() <= until;
        if (!isAll) break;
        heads.push(headOf(letter));
      }
      const chosen = [...choose(heads, isAll)];
      const ended: string[] = [];
      while (chosen.length > 0) {
        const ids = chosen.splice(0, jobEngineLimits.lettersAtOnce);
        const gone = await endLetters(store, { pool, ids, how, now: clock.now() });
        if (gone.length > 0) wake();
        ended.push(...gone);
        if ((await goOn?.(gone)) === false) break;
      }
      return ended;
    },
  };
}
