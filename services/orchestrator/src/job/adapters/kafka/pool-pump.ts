// Runs the records of one pool through their handler: never more at once than there are slots, each
// until it is settled. Knows nothing of a broker: it is given records and tells how far all are settled.
import type { JobEnvelope } from "@ossaat/contracts";
import type { IHeaders } from "kafkajs";

import { readEnvelope } from "../../envelope-text.ts";
import type { Delivery, Settlement } from "../../job-queue.ts";
import type { KafkaLimits } from "./limits.ts";
import { OffsetLedger } from "./offset-ledger.ts";

export type JobRecord = {
  partition: number;
  offset: number;
  /** When it was written, ms, as the broker says it. */
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: IHeaders | undefined;
  /** How often it was passed on already. */
  passes: number;
};

/** Everything below `offset` of the partition is settled. */
export type Mark = { partition: number; offset: number };

export type PumpDeps = {
  slots: number;
  handler: (delivery: Delivery) => Promise<void>;
  /** Keeps a record that no handler can take, with the reason. Rejects when it could not. */
  bury(record: JobRecord, reason: string): Promise<void>;
  /** Lets another process have a record. Rejects when it could not. */
  passOn(record: JobRecord): Promise<void>;
  /** Asks for more records, or for none for now. */
  setFetching(on: boolean): void;
  /** Enough is settled to tell the broker. */
  onSettled(): void;
  onError(error: unknown): void;
  limits: KafkaLimits;
};

/** A record in hand. `epoch`: the assignment under which it was read; after another one it is not ours to settle. */
type Held = JobRecord & {
  epoch: number;
  tries: number;
  /** Since when it waits for a slot, by the clock that never jumps. */
  since: number;
};

const placeOf = ({ partition, offset }: JobRecord) => `${partition}/${offset}`;

export class PoolPump {
  readonly #deps: PumpDeps;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** How often each record was delivered that is not settled, over all assignments. */
  readonly #deliveries = new Map<string, number>();
  /** Handlers of this assignment. One of an earlier assignment has no slot: its record may run again. */
  #running = new Set<Promise<void>>();
  #waiting: Held[] = [];
  #ledgers = new Map<number, OffsetLedger>();
  #committed = new Map<number, number>();
  #settledSinceCommit = 0;
  #epoch = 0;
  #slots: number;
  #fetching = true;
  #paused = false;
  #closed = false;
  #madeRoom: (() => void) | undefined;
  readonly #passing: NodeJS.Timeout;

  constructor(deps: PumpDeps) {
    this.#deps = deps;
    this.#slots = deps.slots;
    this.#passing = setInterval(() => this.#passOn(), deps.limits.passOnMs / 2).unref();
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Another assignment: what was read under the one before comes again, here or elsewhere. */
  beginEpoch(): void {
    this.#epoch += 1;
    this.#running = new Set();
    this.#waiting = [];
    this.#clearTimers();
    this.#ledgers = new Map();
    this.#committed = new Map();
    this.#settledSinceCommit = 0;
    this.#fetching = true;
    this.#deps.setFetching(true);
    this.#madeRoom?.();
  }

  /** Takes records of one partition in the order in which it has them; resolves when there is room for more, or soon. */
  async take(records: readonly JobRecord[]): Promise<void> {
    for (const record of records) {
      const ledger = this.#ledgers.get(record.partition) ?? new OffsetLedger(record.offset);
      this.#ledgers.set(record.partition, ledger);
      ledger.take(record.offset);
      this.#waiting.push({ ...record, epoch: this.#epoch, tries: 0, since: performance.now() });
    }
    this.#pump();
    if (this.#held >= this.#deps.limits.heldRecords) await this.#room();
    this.#regulate();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(slots: number = this.#deps.slots): void {
    this.#slots = slots;
    this.#paused = false;
    this.#pump();
  }

  /** Marks that are further than what was committed. */
  marks(): Mark[] {
    const all = [...this.#ledgers].map(([partition, { mark }]) => ({ partition, offset: mark }));
    return all.filter(({ partition, offset }) => this.#committed.get(partition) !== offset);
  }

  /** Notes what the broker has taken. */
  noteCommitted(marks: readonly Mark[], epoch: number): void {
    if (epoch !== this.#epoch) return;
    for (const { partition, offset } of marks) this.#committed.set(partition, offset);
    this.#settledSinceCommit = 0;
  }

  /** Starts nothing more; resolves when the handlers that run have returned. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#passing);
    this.#clearTimers();
    this.#madeRoom?.();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  get #held(): number {
    return this.#waiting.length + this.#timers.size + this.#running.size;
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#deps.limits.roomMs);
    this.#madeRoom = resolve;
    await promise;
    this.#madeRoom = undefined;
    clearTimeout(timer);
  }

  #pump(): void {
    while (!this.#closed && !this.#paused && this.#running.size < this.#slots) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const running = this.#running;
      const handling = this.#handle(next)
        .catch((error: unknown) => this.#deps.onError(error))
        .finally(() => {
          running.delete(handling);
          this.#pump();
        });
      running.add(handling);
    }
    if (this.#held * 2 >= this.#deps.limits.heldRecords) return;
    this.#madeRoom?.();
    this.#regulate();
  }

  /** Lets others have what waited for too long; what nobody takes stays. */
  #passOn(): void {
    const { passOnMs, maxPassOnMs } = this.#deps.limits;
    const now = performance.now();
    const hasWaited = ({ since, passes }: Held) => now - since >= Math.min(maxPassOnMs, passOnMs * 2 ** passes);
    const going = this.#waiting.filter(hasWaited);
    if (going.length === 0) return;
    this.#waiting = this.#waiting.filter((held) => !hasWaited(held));
    for (const held of going) void this.#give(held);
  }

  async #give(held: Held): Promise<void> {
    try {
      await this.#deps.passOn(held);
      this.#finish(held);
    } catch (error) {
      this.#deps.onError(error);
      if (this.#isOurs(held)) this.#waiting.push({ ...held, since: performance.now() });
    }
    this.#pump();
  }

  /** Stops fetching when much is in hand, and begins again when half of it is gone. */
  #regulate(): void {
    const { heldRecords } = this.#deps.limits;
    const fetching = this.#held < (this.#fetching ? heldRecords : heldRecords / 2);
    if (fetching === this.#fetching) return;
    this.#fetching = fetching;
    this.#deps.setFetching(fetching);
  }

  async #handle(held: Held): Promise<void> {
    const deliveries = this.#deliveries.get(placeOf(held)) ?? 0;
    if (deliveries >= this.#deps.limits.maxDeliveries) {
      return this.#bury(held, `delivered ${deliveries} times without an answer`);
    }
    let envelope: JobEnvelope;
    try {
      envelope = readEnvelope(held.value?.toString("utf8") ?? "");
    } catch (error) {
      this.#deps.onError(error);
      return this.#bury(held, error instanceof Error ? error.message : String(error));
    }
    this.#deliveries.set(placeOf(held), deliveries + 1);
    let settled: Promise<void> | undefined;
    const settle = (result: Settlement, reason?: string) => (settled ??= this.#settle(held, result, reason));
    try {
      await this.#deps.handler({ envelope, settle });
    } catch (error) {
      this.#deps.onError(error);
      await settle("retry_soon");
    }
    if (settled === undefined) this.#deliverLater(held, this.#deps.limits.unsettledMs);
  }

  async #settle(held: Held, result: Settlement, reason = "the receiver rejected it"): Promise<void> {
    this.#deliveries.delete(placeOf(held));
    switch (result) {
      case "done":
        return this.#finish(held);
      case "reject":
        return this.#bury(held, reason);
      case "retry_soon":
        return this.#deliverAgain(held);
    }
  }

  #isOurs(held: Held): boolean {
    return held.epoch === this.#epoch && this.#ledgers.get(held.partition)?.isOpen(held.offset) === true;
  }

  #finish(held: Held): void {
    if (!this.#isOurs(held)) return;
    this.#ledgers.get(held.partition)?.finish(held.offset);
    this.#settledSinceCommit += 1;
    if (this.#settledSinceCommit >= this.#deps.limits.commitRecords) this.#deps.onSettled();
  }

  async #bury(held: Held, reason: string): Promise<void> {
    if (!this.#isOurs(held)) return;
    try {
      await this.#deps.bury(held, reason);
      this.#deliveries.delete(placeOf(held));
      this.#finish(held);
    } catch (error) {
      this.#deps.onError(error);
      this.#deliverAgain(held);
    }
  }

  #deliverAgain(held: Held): void {
    const { retrySoonMs, maxRetrySoonMs } = this.#deps.limits;
    this.#deliverLater({ ...held, tries: held.tries + 1 }, Math.min(maxRetrySoonMs, retrySoonMs * 2 ** held.tries));
  }

  /** Not committed past, so that a crash in between gives it back too. */
  #deliverLater(held: Held, afterMs: number): void {
    if (this.#closed || !this.#isOurs(held)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#isOurs(held)) this.#waiting.push({ ...held, since: performance.now() });
      this.#pump();
    }, afterMs);
    this.#timers.add(timer);
  }
}
