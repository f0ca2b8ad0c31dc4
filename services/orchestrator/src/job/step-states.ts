// The states of steps for others to read: a copy of what the database says, sent wherever a plan's log
// has grown. Nothing decides by it. It is sent at least once and may come out of order, so each value
// carries the sequence of the log it was taken at; a reader keeps the highest.
import type { Engine } from "./engine.ts";
import { readStoreTime } from "./store-time.ts";

/** `value` null: the step is old enough to be forgotten. */
export type StepStateRecord = { key: string; value: string | null };

export type StepStatesDeps = Pick<Engine, "store" | "clock" | "bus" | "log"> & {
  /** Resolves when the records are kept. */
  send(records: readonly StepStateRecord[]): Promise<void>;
};

const stepStateLimits = {
  /** Pause between two sends, ms: what happens to a plan in between is sent as one state. */
  pauseMs: 500,
  /** Plans that are sent at once. */
  plans: 50,
  /** Time between two looks at all plans, ms: whatever was missed is sent then. The first is at the start. */
  lookMs: 60 * 60 * 1_000,
  /** How long the states of an ended plan stay, ms. */
  keepMs: 30 * 24 * 60 * 60 * 1_000,
  /** How long they are sent as forgotten after that, ms: then every reader had the time. */
  forgetMs: 7 * 24 * 60 * 60 * 1_000,
} as const;

type Row = { id: string; next_seq: number; finished_at: number | null };

const isOld = (finishedAt: number | null, now: number) =>
  finishedAt !== null && finishedAt <= now - stepStateLimits.keepMs;

/** What there is to send of a plan: the sequence of its log, or that it is forgotten. */
const versionOf = ({ next_seq, finished_at }: Row, now: number) => (isOld(finished_at, now) ? -1 : next_seq);

/** Sends the states of all steps of plans whose log grew. */
export class StepStates {
  readonly #deps: StepStatesDeps;
  readonly #stopListening: () => void;
  /** Plans whose log grew and that are not sent yet. */
  readonly #grown = new Set<string>();
  /** What the last look at all plans has sent of each, by this process. */
  #sent = new Map<string, number>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: StepStatesDeps) {
    this.#deps = deps;
    this.#stopListening = deps.bus.onAnyWake((planId) => this.#grown.add(planId));
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
  }

  /** Sends what is not sent. Rejects when it could not; the next time sends it again. */
  async flush(): Promise<void> {
    const monotonic = this.#deps.clock.monotonic();
    const isLook = monotonic - this.#lookedAt >= stepStateLimits.lookMs;
    if (this.#grown.size === 0 && !isLook) return;
    const now = await readStoreTime(this.#deps, this.#deps.store.read);
    while (this.#grown.size > 0) {
      const ids = [...this.#grown].slice(0, stepStateLimits.plans);
      // Before it is read, so that what happens meanwhile is sent again.
      for (const id of ids) this.#grown.delete(id);
      await this.#sendPlans(ids, now).catch((error: unknown) => {
        for (const id of ids) this.#grown.add(id);
        throw error;
      });
    }
    if (!isLook) return;
    await this.#lookAtAll(now);
    this.#lookedAt = monotonic;
  }

  async #lookAtAll(now: number): Promise<void> {
    const seen = new Map<string, number>();
    for (let rows = await this.#plansAfter("", now); rows.length > 0;) {
      const grown = rows.filter((row) => this.#sent.get(row.id) !== versionOf(row, now)).map(({ id }) => id);
      if (grown.length > 0) await this.#sendPlans(grown, now);
      for (const row of rows) seen.set(row.id, versionOf(row, now));
      if (this.#stopped) return;
      rows = await this.#plansAfter(rows.at(-1)?.id ?? "", now);
    }
    this.#sent = seen;
  }

  #plansAfter(after: string, now: number): Promise<Row[]> {
    const { keepMs, forgetMs, plans } = stepStateLimits;
    return this.#deps.store.read
      .selectFrom("plan")
      .select(["id", "next_seq", "finished_at"])
      .where("id", ">", after)
      .where((eb) => eb.or([eb("finished_at", "is", null), eb("finished_at", ">", now - keepMs - forgetMs)]))
      .orderBy("id")
      .limit(plans)
      .execute();
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
