// Whose turn a sweep is that runs every moment: one process of a deployment has it and goes on having it,
// and when that one is gone another takes it up a moment later.
import { sql } from "kysely";

import type { Engine } from "./engine.ts";
import { storeTime } from "./store-time.ts";

type TurnDeps = Pick<Engine, "store" | "clock">;

type SweepName = {
  name: string;
  /** Time after which another process may take the turn of one that does not ask any more, ms. */
  pauseMs: number;
};

export class SweepTurn {
  readonly #deps: TurnDeps;
  readonly #sweep: SweepName;
  /** The end of this process's turn as the database has it, which names it. */
  #until: number | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: TurnDeps, sweep: SweepName) {
    this.#deps = deps;
    this.#sweep = sweep;
  }

  /** Whether this process is the one to do it now; always, where the store has one owner. */
  async take(): Promise<boolean> {
    if (!this.#deps.store.isShared) return true;
    this.#askedAt = this.#deps.clock.monotonic();
    // A look costs no commit.
    if (this.#until === undefined && (await this.#isTaken())) return false;
    this.#until = await this.#takeRow();
    return this.#until !== undefined;
  }

  /** As `take`, and asks the database only when the last time is half a pause ago: for what runs more often. */
  async has(): Promise<boolean> {
    const { clock, store } = this.#deps;
    if (!store.isShared) return true;
    const isFresh = clock.monotonic() - this.#askedAt < this.#sweep.pauseMs / 2;
    return isFresh ? this.#until !== undefined : this.take();
  }

  /** Said in the middle of work that may last longer than the turn. */
  async keep(): Promise<void> {
    await this.has();
  }

  /** Nobody has to wait for a process that stops. */
  async leave(): Promise<void> {
    const until = this.#until;
    this.#until = undefined;
    if (until === undefined) return;
    await this.#deps.store.tx((tx) =>
      tx
        .updateTable("sweep")
        .set({ due_at: 0 })
        .where("name", "=", this.#sweep.name)
        .where("due_at", "=", until)
        .execute(),
    );
  }

  async #isTaken(): Promise<boolean> {
    const taken = this.#deps.store.read.selectFrom("sweep").select("name").where("name", "=", this.#sweep.name);
    return (await taken.where("due_at", ">", storeTime(this.#deps)).executeTakeFirst()) !== undefined;
  }

  async #takeRow(): Promise<number | undefined> {
    const { name, pauseMs } = this.#sweep;
    const own = this.#until ?? -1;
    const row = await this.#deps.store.tx(async (tx) => {
      // A turn that a server forgets when it dies is taken again.
      await sql`set local synchronous_commit to off`.execute(tx);
      return tx
        .insertInto("sweep")
        .values({ name, due_at: storeTime(this.#deps, pauseMs) })
        .onConflict((conflict) =>
          conflict
            .column("name")
            .doUpdateSet((eb) => ({ due_at: eb.ref("excluded.due_at") }))
            .where((eb) => eb.or([eb("sweep.due_at", "<=", storeTime(this.#deps)), eb("sweep.due_at", "=", own)])),
        )
        .returning("due_at")
        .executeTakeFirst();
    });
    return row?.due_at;
  }
}
