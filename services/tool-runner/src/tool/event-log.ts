// The events of one call: numbered 1, 2, 3 …, kept for late readers within bounds, and handed to
// each reader in its own time. A reader that lags holds the producer back.
import type { ToolEvent } from "@ossaat/contracts";

import { eventLimits } from "./limits.ts";

/** An event before it gets its number. */
export type NewEvent = ToolEvent extends infer E ? (E extends ToolEvent ? Omit<E, "seq"> : never) : never;

export type EventLog = {
  /** Settles when readers have caught up enough for more. */
  push(event: NewEvent): Promise<void>;
  /** Pushes the last event; nothing may follow. */
  end(event: NewEvent): void;
  /** Lets the producer run on although readers lag: the call is being ended. */
  release(): void;
  read(): AsyncIterableIterator<ToolEvent>;
  readonly terminal: ToolEvent | undefined;
  /** Number the next event gets. */
  readonly nextSeq: number;
};

type Entry = { event: ToolEvent; bytes: number };

function bytesOf(event: NewEvent): number {
  return event.state === "running" ? (event.chunk?.data.length ?? 0) + 64 : 64;
}

export function createEventLog(): EventLog {
  let entries: Entry[] = [];
  let seq = 0;
  let keptBytes = 0;
  let terminal: ToolEvent | undefined;
  let released = false;
  const readers = new Set<{ next: number }>();
  let wake = Promise.withResolvers<void>();

  const signal = (): void => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const slowest = (): number => Math.min(...[...readers].map((reader) => reader.next), seq + 1);
  const lagBytes = (): number => {
    const from = slowest();
    return entries.filter(({ event }) => event.seq >= from).reduce((sum, entry) => sum + entry.bytes, 0);
  };
  /** Drops the oldest chunks that every attached reader has seen. */
  const trim = (): void => {
    const from = slowest();
    while (keptBytes > eventLimits.maxKeptBytes) {
      const oldest = entries[0];
      if (oldest === undefined || oldest.event.seq >= from) return;
      entries = entries.slice(1);
      keptBytes -= oldest.bytes;
    }
  };
  const append = (event: NewEvent): ToolEvent => {
    seq += 1;
    const numbered = { ...event, seq } as ToolEvent;
    const bytes = bytesOf(event);
    entries.push({ event: numbered, bytes });
    keptBytes += bytes;
    trim();
    signal();
    return numbered;
  };

  async function* read(): AsyncIterableIterator<ToolEvent> {
    const reader = { next: entries[0]?.event.seq ?? seq + 1 };
    readers.add(reader);
    try {
      for (;;) {
        const entry = entries.find(({ event }) => event.seq >= reader.next);
        if (entry === undefined) {
          if (terminal !== undefined) return;
          await wake.promise;
          continue;
        }
        // Each reader gets its own object: events are values, never shared state.
        yield structuredClone(entry.event);
        reader.next = entry.event.seq + 1;
        trim();
        signal();
      }
    } finally {
      readers.delete(reader);
      signal();
    }
  }

  return {
    async push(event) {
      append(event);
      while (!released && lagBytes() > eventLimits.maxLagBytes) await wake.promise;
    },
    end(event) {
      terminal = append(event);
      signal();
    },
    release() {
      released = true;
      signal();
    },
    read,
    get terminal() {
      return terminal;
    },
    get nextSeq() {
      return seq + 1;
    },
  };
}
