// Output of a command: all of it to the log, head and tail in memory.
import type { LogStore } from "../log/log-store.ts";
import { headOf, omission, tailOf } from "./clip-text.ts";

export type OutputCollector = {
  take(data: Buffer): Promise<void>;
  /** Bounded text, with a marker where something was left out. */
  text(): string;
  /** Everything kept for a parser, up to `keepBytes`. */
  all(): Buffer;
  close(): Promise<{ logRef: string; logBytes: number }>;
  discard(): Promise<void>;
};

export async function collectOutput(
  logs: LogStore,
  limits: { textBytes: number; keepBytes: number },
): Promise<OutputCollector> {
  const log = await logs.create();
  const half = Math.floor(limits.textBytes / 2);
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let tail: Buffer = Buffer.alloc(0);
  let total = 0;
  return {
    async take(data) {
      const room = limits.keepBytes - keptBytes;
      if (room > 0) {
        const part = Buffer.from(data.subarray(0, room));
        kept.push(part);
        keptBytes += part.length;
      }
      total += data.length;
      tail = Buffer.from(Buffer.concat([tail, data]).subarray(-half));
      await log.write(data);
    },
    text() {
      const start = Buffer.concat(kept);
      if (total <= limits.textBytes) return start.toString("utf8");
      return `${headOf(start, half)}\n${omission(total - 2 * half)}\n${tailOf(tail, half)}`;
    },
    all: () => Buffer.concat(kept),
    close: () => log.close(),
    discard: () => log.discard(),
  };
}
