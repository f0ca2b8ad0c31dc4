// Makes a command safe to send twice: the second answer is the first one's.
import { AgentError, hashJson } from "@ossaat/contracts";

import type { Reader, Tx } from "../store/store.ts";
import { planFeatureLimits } from "./limits.ts";

export type IdempotencyKey = { tenantId: string; key: string | undefined; request: unknown };

/**
 * The stored answer of the same command.
 * @throws AgentError conflict when the key was used for another request.
 */
export async function recallAnswer<T>(
  db: Tx | Reader,
  { tenantId, key, request }: IdempotencyKey,
  now: number,
): Promise<T | undefined> {
  if (key === undefined) return undefined;
  const row = await db
    .selectFrom("idem")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("key", "=", key)
    .executeTakeFirst();
  if (row === undefined || row.expires_at <= now) return undefined;
  if (row.request_hash !== hashJson(request)) {
    throw new AgentError("conflict", "This idempotency key was used for another request.", {
      details: { next: "use another key; `ossaat runs --all` shows what the first request made" },
    });
  }
  return JSON.parse(row.response_json) as T;
}

/**
 * Takes the key for this answer, before anything the answer speaks of is written: of the same
 * commands at once, one takes it, and the others wait and get its answer. Undefined when it is ours.
 * @throws AgentError conflict when the key was used for another request.
 */
export async function rememberAnswer<T>(
  tx: Tx,
  command: IdempotencyKey,
  { now, answer }: { now: number; answer: T },
): Promise<T | undefined> {
  const { tenantId, key, request } = command;
  if (key === undefined) return undefined;
  const row = {
    tenant_id: tenantId,
    key,
    request_hash: hashJson(request),
    response_json: JSON.stringify(answer),
    expires_at: now + planFeatureLimits.idempotencyMs,
  };
  const taken = await tx
    .insertInto("idem")
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(["tenant_id", "key"]).doUpdateSet(row).where("idem.expires_at", "<=", now),
    )
    .returning("key")
    .executeTakeFirst();
  return taken === undefined ? recallAnswer<T>(tx, command, now) : undefined;
}
