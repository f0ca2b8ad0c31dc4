// Output of a command: all of it to the log, head and tail in memory.
import type { LogStore } from "../log/log-store.ts";
import type { OutputChannel } from "../sandbox/sandbox.ts";
import { headOf, omission, tailOf } from "./clip-text.ts";

/** A line that is longer is no line for a parser: it is not waited for, bytes. */
const longestLine = 64 * 1024;
const lineEnd = 0x0a;

export type OutputCollector = {
  /** Lines of the two channels never mix: the begin of one waits until its line ends, or all output does. */
  take(channel: OutputChannel, data: Buffer): Promise<void>;
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
  /** What was begun of a line, by channel, in the order of the begins. */
  const begun = new Map<OutputChannel, Buffer>();
  const append = async (data: Buffer): Promise<void> => {
    if (data.length === 0) return;
    const room = limits.keepBytes - keptBytes;
    if (room > 0) {
      const part = Buffer.from(data.subarray(0, room));
      kept.push(part);
      keptBytes += part.length;
    }
    total += data.length;
    tail = Buffer.from(Buffer.concat([tail, data]).subarray(-half));
    await log.write(data);
  };
  return {
    async take(channel, data) {
      const all = Buffer.concat([begun.get(channel) ?? Buffer.alloc(0), data]);
      begun.delete(channel);
      const rest = all.subarray(all.lastIndexOf(lineEnd) + 1);
      if (rest.length > longestLine) return append(all);
      if (rest.length > 0) begun.set(channel, Buffer.from(rest));
      await append(all.subarray(0, all.length - rest.length));
    },
    text() {
      const start = Buffer.concat(kept);
      if (total <= limits.textBytes) return start.toString("utf8");
      return `${headOf(start, half)}\n${omission(total - 2 * half)}\n${tailOf(tail, half)}`;
    },
    all: () => Buffer.concat(kept),
    async close() {
      for (const rest of begun.values()) await append(rest);
      begun.clear();
      return log.close();
    },
    discard: () => log.discard(),
  };
}
