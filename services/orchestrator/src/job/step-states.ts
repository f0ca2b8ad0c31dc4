// The states of steps for others to read: a copy of what the database says, sent wherever a plan's log
// has grown. Nothing decides by it. It is sent at least once and may come out of order, so each value
// carries the sequence of the log it was taken at; a reader keeps the highest.
import type { Engine } from "./engine.ts";
import { readStoreTime } from "./store-time.ts";
import { SweepTurn } from "./sweep-turn.ts";

/** `value` null: the step is old enough to be forgotten. */
export type StepStateRecord = { key: string; value: string | null };

export type StepStatesDeps = Pick<Engine, "store" | "clock" | "bus" | "log"> & {
  /** Resolves when the records are kept. */
  send(records: readonly StepStateRecord[]): Promise<void>;
};

const stepStateLimits = {
  /** Pause between two sends, ms: what happens to a plan in between is sent as one state. */
  pauseMs: 500,
  /** Time after which another process sends in place of one that does not any more, ms. */
  turnMs: 4_000,
  /** Plans that are sent at once. */
  plans: 50,
  /** Plans that may wait to be sent; beyond those a look finds them. */
  maxGrown: 10_000,
  /** Time between two looks at what changed, ms: whatever was missed is sent then. */
  lookMs: 60 * 60 * 1_000,
  /** Time between two looks that send everything, ms: a broker may have lost something, or be another one. */
  allMs: 24 * 60 * 60 * 1_000,
  /** Time before the last look that the next one goes over again, ms: longer than any transaction. */
  marginMs: 60_000,
  /** How long the states of an ended plan stay, ms. */
  keepMs: 30 * 24 * 60 * 60 * 1_000,
  /** How long they are sent as forgotten after that, ms: then every reader had the time. */
  forgetMs: 7 * 24 * 60 * 60 * 1_000,
} as const;

/** Of the table of sweeps: who sends, what was looked at last, and when everything was sent. */
const sweeps = { turn: "step-states", look: "step-states-look", all: "step-states-all" } as const;

const isOld = (finishedAt: number | null, now: number) =>
  finishedAt !== null && finishedAt <= now - stepStateLimits.keepMs;

/** Sends the states of all steps of plans whose log grew. Of the processes of a deployment one does. */
export class StepStates {
  readonly #deps: StepStatesDeps;
  readonly #turn: SweepTurn;
  readonly #stopListening: () => void;
  /** Plans whose log grew and that are not sent yet. */
  readonly #grown = new Set<string>();
  /** Whether this process sends; one that does not keeps nothing. */
  #sends = true;
  /** When it looked last at what others may have left out. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #hasLooked = false;
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: StepStatesDeps) {
    this.#deps = deps;
    this.#turn = new SweepTurn(deps, { name: sweeps.turn, pauseMs: stepStateLimits.turnMs });
    this.#stopListening = deps.bus.onAnyWake((planId) => this.#note(planId));
  }

  start(): void {
    this.#current = this.flush()
      .catch((error: unknown) => this.#deps.log.warn({ error }, "states of steps were not sent"))
      .finally(() => {
        if (!this.#stopped) this.#timer = setTimeout(() => this.start(), stepStateLimits.pauseMs);
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopListening();
    clearTimeout(this.#timer);
    await this.#current;
    await this.#turn
      .leave()
      .catch((error: unknown) => this.#deps.log.warn({ error }, "another process sends states a moment later"));
  }

  /** Sends what is not sent. Rejects when it could not; the next time sends it again. */
  async flush(): Promise<void> {
    const { clock, store } = this.#deps;
    this.#sends = await this.#turn.has();
    if (!this.#sends) {
      this.#grown.clear();
      // What happens until this one sends is looked for then.
      this.#lookedAt = Number.NEGATIVE_INFINITY;
      return;
    }
    const monotonic = clock.monotonic();
    const isLook = monotonic - this.#lookedAt >= stepStateLimits.lookMs;
    if (this.#grown.size === 0 && !isLook) return;
    const now = await readStoreTime(this.#deps, store.read);
    while (this.#grown.size > 0) {
      const ids = [...this.#grown].slice(0, stepStateLimits.plans);
      // Before it is read, so that what happens meanwhile is sent again.
      for (const id of ids) this.#grown.delete(id);
      await this.#sendPlans(ids, now).catch((error: unknown) => {
        for (const id of ids) this.#grown.add(id);
        throw error;
      });
      await this.#turn.keep();
    }
    if (!isLook) return;
    this.#lookedAt = monotonic;
    await this.#look(now).catch((error: unknown) => {
      this.#lookedAt = Number.NEGATIVE_INFINITY;
      throw error;
    });
  }

  #note(planId: string): void {
    if (!this.#sends) return;
    this.#grown.add(planId);
    if (this.#grown.size <= stepStateLimits.maxGrown) return;
    this.#grown.clear();
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** Sends what changed since the last look of any process, or everything. */
  async #look(now: number): Promise<void> {
    const since = await this.#lookedUntil(now);
    for (let ids = await this.#plansAfter("", { now, since }); ids.length > 0;) {
      await this.#sendPlans(ids, now);
      if (this.#stopped) return;
      await this.#turn.keep();
      ids = await this.#plansAfter(ids.at(-1) ?? "", { now, since });
    }
    // Once all of it is sent: what a process leaves undone the next one does.
    await this.#noteDue(sweeps.look, now + stepStateLimits.lookMs);
    if (since === null) await this.#noteDue(sweeps.all, now + stepStateLimits.allMs);
    this.#hasLooked = true;
  }

  /** What was written before that was sent; null = everything is to be sent. */
  async #lookedUntil(now: number): Promise<number | null> {
    const { store } = this.#deps;
    const rows = await store.read
      .selectFrom("sweep")
      .selectAll()
      .where("name", "in", [sweeps.look, sweeps.all])
      .execute();
    const dueAt = (name: string) => rows.find((row) => row.name === name)?.due_at ?? 0;
    const isStart = !store.isShared && !this.#hasLooked;
    if (isStart || dueAt(sweeps.all) <= now) return null;
    // A transaction that was under way then has an earlier time.
    return Math.min(now, dueAt(sweeps.look) - stepStateLimits.lookMs) - stepStateLimits.marginMs;
  }

  async #noteDue(name: string, due_at: number): Promise<void> {
    await this.#deps.store.tx((tx) =>
      tx
        .insertInto("sweep")
        .values({ name, due_at })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ due_at }))
        .execute(),
    );
  }

  async #plansAfter(after: string, { now, since }: { now: number; since: number | null }): Promise<string[]> {
    const { keepMs, forgetMs, plans } = stepStateLimits;
    const query = this.#deps.store.read
      .selectFrom("plan")
      .select("id")
      .where("id", ">", after)
      .where((eb) => eb.or([eb("finished_at", "is", null), eb("finished_at", ">", now - keepMs - forgetMs)]))
      .orderBy("id")
      .limit(plans);
    const changed =
      since === null
        ? query
        : query.where((eb) =>
            eb.or([
              eb("updated_at", ">=", since),
              // And what has become old since then.
              eb.and([eb("finished_at", ">", since - keepMs), eb("finished_at", "<=", now - keepMs)]),
            ]),
          );
    return (await changed.execute()).map(({ id }) => id);
  }

  /** Read with the sequence in one statement, so that the two belong together. */
  async #sendPlans(ids: readonly string[], now: number): Promise<void> {
    const rows = await this.#deps.store.read
      .selectFrom("step")
      .innerJoin("plan", "plan.id", "step.plan_id")
      .select(["plan_id", "step_id", "step.status", "attempt", "fence", "next_seq", "plan.finished_at"])
      .where("plan_id", "in", ids)
      .orderBy("plan_id")
      .orderBy("step_id")
      .execute();
    const records = rows.map(({ plan_id, step_id, status, attempt, fence, next_seq, finished_at }) => {
      const value = isOld(finished_at, now)
        ? null
        : JSON.stringify({ state: status, attempt, fence, seq: next_seq - 1 });
      return { key: `${plan_id}:${step_id}`, value };
    });
    if (records.length > 0) await this.#deps.send(records);
  }
}
