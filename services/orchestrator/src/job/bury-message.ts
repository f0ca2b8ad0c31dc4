// Moves a message from the outbox to the dead letters beside it, where a person finds it.
import type { Tx } from "../store/store.ts";

/** Nothing when the message is gone. */
export async function buryMessage(
  tx: Tx,
  { id, at, reason }: { id: string; at: number; reason: string },
): Promise<void> {
  const row = await tx.deleteFrom("outbox").where("id", "=", id).returningAll().executeTakeFirst();
  if (row === undefined) return;
  const { tenant_id, pool, envelope_json: message } = row;
  await tx
    .insertInto("dead_letter")
    .values({ id, tenant_id, pool, reason, message, at })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ reason, message, at }))
    .execute();
}
