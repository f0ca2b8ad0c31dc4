// The events of one call: numbered 1, 2, 3 …, kept for late readers within bounds, and handed to
// each reader in its own time. A reader that lags holds the producer back.
import type { ToolEvent } from "@ossaat/contracts";

import { eventLimits } from "./limits.ts";

/** An event before it gets its number. */
export type NewEvent = ToolEvent extends infer E ? (E extends ToolEvent ? Omit<E, "seq"> : never) : never;

type Entry = { event: ToolEvent; bytes: number };

function bytesOf(event: NewEvent): number {
  return event.state === "running" ? (event.chunk?.data.length ?? 0) + 64 : 64;
}

export class EventLog {
  #entries: Entry[] = [];
  #lastSeq = 0;
  #keptBytes = 0;
  #terminal: ToolEvent | undefined;
  #broken: Error | undefined;
  #released = false;
  readonly #readers = new Set<{ next: number }>();
  #wake = Promise.withResolvers<void>();

  get terminal(): ToolEvent | undefined {
    return this.#terminal;
  }

  /** Number the next event gets. */
  get nextSeq(): number {
    return this.#lastSeq + 1;
  }

  /** Numbers the next event `seq + 1`; only before the first event. */
  continueAfter(seq: number): void {
    if (this.#entries.length === 0) this.#lastSeq = seq;
  }

  /** Settles when readers have caught up enough for more. */
  async push(event: NewEvent): Promise<void> {
    this.#append(event);
    while (this.#mustWait()) await this.#wake.promise;
  }

  /** Pushes the last event; nothing may follow. */
  end(event: NewEvent): void {
    this.#terminal = this.#append(event);
  }

  /** Ends the log without a last event: readers get what is there, then the error. */
  breakOff(error: Error): void {
    this.#broken = error;
    this.#signal();
  }

  /** Lets the producer run on although readers lag: the call is being ended. */
  release(): void {
    this.#released = true;
    this.#signal();
  }

  /** Events after `afterSeq`, from the oldest kept one on, to the terminal one. @throws what the log was broken off by */
  async *read(afterSeq = 0): AsyncGenerator<ToolEvent> {
    const reader = { next: Math.max(this.#entries[0]?.event.seq ?? this.nextSeq, afterSeq + 1) };
    this.#readers.add(reader);
    try {
      for (;;) {
        const event = this.#eventAt(reader.next) ?? this.#terminal;
        if (event === undefined) {
          if (this.#broken !== undefined) throw this.#broken;
          await this.#wake.promise;
          continue;
        }
        // Each reader gets its own object: events are values, never shared state.
        yield structuredClone(event);
        if (event.state !== "running") return;
        reader.next = event.seq + 1;
        this.#trim();
        this.#signal();
      }
    } finally {
      this.#readers.delete(reader);
      this.#signal();
    }
  }

  /** The oldest kept event with this number or a later one; numbers have no gaps. */
  #eventAt(seq: number): ToolEvent | undefined {
    const oldest = this.#entries[0]?.event.seq ?? 0;
    return this.#entries[Math.max(0, seq - oldest)]?.event;
  }

  #mustWait(): boolean {
    if (this.#released) return false;
    const from = this.#slowest();
    let bytes = 0;
    for (let index = this.#entries.length - 1; index >= 0 && bytes <= eventLimits.maxLagBytes; index -= 1) {
      const entry = this.#entries[index];
      if (entry === undefined || entry.event.seq < from) break;
      bytes += entry.bytes;
    }
    return bytes > eventLimits.maxLagBytes;
  }

  #append(event: NewEvent): ToolEvent {
    this.#lastSeq += 1;
    const numbered: ToolEvent = { ...event, seq: this.#lastSeq };
    const bytes = bytesOf(event);
    this.#entries.push({ event: numbered, bytes });
    this.#keptBytes += bytes;
    this.#trim();
    this.#signal();
    return numbered;
  }

  #signal(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  #slowest(): number {
    return Math.min(...[...this.#readers].map((reader) => reader.next), this.nextSeq);
  }

  /** Drops the oldest chunks that every attached reader has seen. */
  #trim(): void {
    const from = this.#slowest();
    while (this.#keptBytes > eventLimits.maxKeptBytes) {
      const oldest = this.#entries[0];
      if (oldest === undefined || oldest.event.seq >= from) return;
      this.#entries.shift();
      this.#keptBytes -= oldest.bytes;
    }
  }
}
