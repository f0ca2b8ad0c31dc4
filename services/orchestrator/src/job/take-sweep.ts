// Shares a sweep among the processes of a deployment: whoever asks first does it for all.
import type { Engine } from "./engine.ts";
import { storeTime } from "./store-time.ts";

type Sweep = {
  name: string;
  /** Time in which nobody else takes it, ms. It outlives the process that took it, so that it needs no end. */
  pauseMs: number;
};

/** Whether this process is the one to do it now; always, where the store has one owner. */
export async function takeSweep({ store, clock }: Engine, { name, pauseMs }: Sweep): Promise<boolean> {
  if (!store.isShared) return true;
  const taken = await store.tx((tx) =>
    tx
      .insertInto("sweep")
      .values({ name, due_at: storeTime({ store, clock }, pauseMs) })
      .onConflict((conflict) =>
        conflict
          .column("name")
          .doUpdateSet((eb) => ({ due_at: eb.ref("excluded.due_at") }))
          .where("sweep.due_at", "<=", storeTime({ store, clock })),
      )
      .returning("name")
      .executeTakeFirst(),
  );
  return taken !== undefined;
}
