// Looks by the clock whether logs grew of which nobody told this process: one look for all that read here,
// often only while what other processes write is not heard.
import { isTerminalPlan } from "@ossaat/contracts";

import type { Store } from "../store/store.ts";
import type { EventBus } from "./event-bus.ts";
import { pollLimits } from "./limits.ts";

export type PlanReader = {
  /** Where the plan is looked for: the reader's tenant's. */
  store: Pick<Store, "read">;
  planId: string;
  /** The last event that it has. */
  seen(): number;
  /** Told when there is more, and when there will be none. */
  wake(): void;
};

type PollRules = {
  /** Whether other processes are heard. */
  isHeard(): boolean;
  /** Time between two looks while they are not, ms. */
  pollMs: number;
  /** The same while they are, ms. */
  seldomMs: number;
};

export class PlanPolls {
  readonly #rules: PollRules;
  readonly #readers = new Set<PlanReader>();
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  #wasHeard = false;
  #isLooking = false;

  constructor(rules: PollRules) {
    this.#rules = rules;
  }

  /** The reader has just read, or is about to. @returns how to leave */
  enter(reader: PlanReader): () => void {
    this.#readers.add(reader);
    if (this.#timer === undefined) {
      [this.#lookedAt, this.#wasHeard] = [performance.now(), this.#rules.isHeard()];
      this.#timer = setInterval(() => void this.#tick(), this.#rules.pollMs);
    }
    return () => this.#leave(reader);
  }

  #leave(reader: PlanReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    const isHeard = this.#rules.isHeard();
    const isQuiet = isHeard && this.#wasHeard && performance.now() - this.#lookedAt < this.#rules.seldomMs;
    if (isQuiet || this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
      // One look more once they are heard again: for what they said until then.
      [this.#lookedAt, this.#wasHeard] = [performance.now(), isHeard];
    } catch {
      // A database that is away is asked again at the next tick.
      this.#wasHeard = false;
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(): Promise<void> {
    for (const [store, readers] of Map.groupBy(this.#readers, (reader) => reader.store)) {
      const ids = [...new Set(readers.map(({ planId }) => planId))];
      for (let n = 0; n < ids.length; n += pollLimits.plans) {
        await wakeGrown(store, readers, ids.slice(n, n + pollLimits.plans));
      }
    }
  }
}

async function wakeGrown(
  { read }: Pick<Store, "read">,
  readers: readonly PlanReader[],
  ids: readonly string[],
): Promise<void> {
  const plans = await read.selectFrom("plan").select(["id", "status", "next_seq"]).where("id", "in", ids).execute();
  const known = new Map(plans.map((plan) => [plan.id, plan]));
  for (const reader of readers.filter(({ planId }) => ids.includes(planId))) {
    const plan = known.get(reader.planId);
    if (plan === undefined || isTerminalPlan(plan.status) || reader.seen() < plan.next_seq - 1) reader.wake();
  }
}

const pollsOf = new WeakMap<EventBus, PlanPolls>();

/** The looks of a process, for all that hear by its bus. */
export function plansPolledBy(bus: EventBus): PlanPolls {
  const known = pollsOf.get(bus) ?? new PlanPolls({ ...pollLimits, isHeard: () => bus.isHeard() });
  pollsOf.set(bus, known);
  return known;
}
