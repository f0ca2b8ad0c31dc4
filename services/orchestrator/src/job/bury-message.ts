// Moves a message from the outbox to the dead letters beside it, where a person finds it.
import type { Tx } from "../store/store.ts";

/**
 * An attempt that is announced again has one letter all the same, the newest message. Nothing when the
 * message is gone.
 * @returns whether a letter was added
 */
export async function buryMessage(
  tx: Tx,
  { id, at, reason }: { id: string; at: number; reason: string },
): Promise<boolean> {
  const row = await tx.deleteFrom("outbox").where("id", "=", id).returningAll().executeTakeFirst();
  if (row === undefined) return false;
  const { tenant_id, pool, dedupe_id, envelope_json: message } = row;
  const known = tx.updateTable("dead_letter").set({ reason, message }).where("dedupe_id", "=", dedupe_id);
  if ((await known.returning("id").executeTakeFirst()) !== undefined) return false;
  await tx
    .insertInto("dead_letter")
    .values({ id, tenant_id, pool, reason, message, at, dedupe_id })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ reason, message, at, dedupe_id }))
    .execute();
  return true;
}
