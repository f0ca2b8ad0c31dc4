// What a broker's adapter meets, for the log: an outage is one line at its begin and one at its end, however
// often its connections are tried again.
import { AgentError } from "@ossaat/contracts";

import type { EngineLog } from "../job/engine.ts";

/** Time between two looks whether the broker is back, ms. */
const lookMs = 1_000;

export type QueueLogDeps = {
  log: EngineLog;
  isWell(): Promise<boolean>;
};

export class QueueLog {
  readonly #deps: QueueLogDeps;
  /** What was told of the outage that lasts. */
  readonly #told = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: QueueLogDeps) {
    this.#deps = deps;
  }

  /** Tells each problem once until the broker is well again. */
  error(thrown: unknown): void {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    if (this.#isClosed || this.#told.has(problem)) return;
    this.#told.add(problem);
    const next = thrown instanceof AgentError ? { next: thrown.next } : {};
    this.#deps.log.warn({ problem, ...next }, "the queue has a problem and is tried again");
    this.#look();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer ??= setTimeout(() => void this.#ask(), lookMs).unref();
  }

  async #ask(): Promise<void> {
    const isWell = await this.#deps.isWell().catch(() => false);
    this.#timer = undefined;
    if (this.#isClosed) return;
    if (!isWell) return this.#look();
    this.#told.clear();
    this.#deps.log.info({}, "the queue is well again");
  }
}
