// Full outputs by content: the name of a log is the SHA-256 of its text.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { Sha256 } from "@ossaat/contracts";

const logLimits = {
  /** Bytes of one log that are kept; more is counted but not stored. */
  maxBytes: 32 * 1024 * 1024,
  /** Bytes that wait in memory for room on a full disk; what comes after them is not stored. */
  maxHeldBytes: 1024 * 1024,
  /** Bytes one read returns when nothing else is asked for. */
  defaultReadBytes: 256 * 1024,
  /** Bytes that are no text become three each on the wire, which takes 4 MiB. */
  maxReadBytes: 1024 * 1024,
} as const;

/** A log being written. */
export type LogWriter = {
  write(data: Uint8Array): Promise<void>;
  /** Names and keeps it. */
  close(): Promise<{ logRef: Sha256; logBytes: number }>;
  /** Drops it. */
  discard(): Promise<void>;
};

/** A part of a log. `nextByte` is where the next read begins: no character is cut in two. */
export type LogPart = { data: string; totalBytes: number; nextByte: number };

/** Length without a last character whose bytes are not all there. */
function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    // From 0xf8 on a byte begins no character: it stands alone.
    const needed = byte >= 0xf8 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

export type LogStore = {
  create(): Promise<LogWriter>;
  has(logRef: string): Promise<boolean>;
  /** The file that holds it, to be read only. @throws AgentError not_found */
  find(logRef: string): Promise<string>;
  read(request: { logRef: string; fromByte?: number; maxBytes?: number }): Promise<LogPart>;
};

/** Appends to a file and hashes what is in it; while the disk is full, the next part waits in memory. */
function holdOnFullDisk(file: FileHandle) {
  const hash = createHash("sha256");
  let position = 0;
  let held: Uint8Array = new Uint8Array();
  let isFull = false;
  /** Writes what is held; what could not be written stays held. */
  const put = async (): Promise<void> => {
    while (held.length > 0) {
      const { bytesWritten } = await file.write(held, 0, held.length, position);
      hash.update(held.subarray(0, bytesWritten));
      position += bytesWritten;
      held = held.subarray(bytesWritten);
    }
  };
  return {
    async append(data: Uint8Array): Promise<void> {
      if (isFull) {
        held = Buffer.concat([held, data.subarray(0, logLimits.maxHeldBytes - held.length)]);
        return;
      }
      try {
        held = data;
        await put();
      } catch (error) {
        if (!isFullDisk(error)) throw error;
        isFull = true;
        held = Buffer.from(held.subarray(0, logLimits.maxHeldBytes));
      }
    },
    /** Writes what waited. @throws the system's error when there is still no room */
    flush: put,
    end: () => ({ logRef: hash.digest("hex"), logBytes: position }),
  };
}

function isFullDisk(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

export function createLogStore(dir: string): LogStore {
  const pathOf = (logRef: string) => join(dir, logRef.slice(0, 2), logRef);
  const has = async (logRef: string) =>
    /^[0-9a-f]{64}$/u.test(logRef) && (await stat(pathOf(logRef)).catch(() => undefined)) !== undefined;
  return {
    has,
    async find(logRef) {
      if (await has(logRef)) return pathOf(logRef);
      throw new AgentError("not_found", "There is no such log.");
    },
    async create() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const temporary = join(dir, `${randomUUID()}.tmp`);
      const file = await open(temporary, "wx", 0o600);
      const out = holdOnFullDisk(file);
      let bytes = 0;
      // Two channels write at once; the file must hold what the hash saw, in that order.
      let last: Promise<void> = Promise.resolve();
      return {
        write(data) {
          const kept = data.subarray(0, Math.max(0, logLimits.maxBytes - bytes));
          if (kept.length === 0) return last;
          bytes += kept.length;
          last = last.then(() => out.append(kept));
          return last;
        },
        async close() {
          try {
            await last;
            await out.flush();
          } finally {
            await file.close();
          }
          const { logRef, logBytes } = out.end();
          await mkdir(join(dir, logRef.slice(0, 2)), { recursive: true, mode: 0o700 });
          await rename(temporary, pathOf(logRef));
          return { logRef, logBytes };
        },
        async discard() {
          await last.catch(() => undefined);
          await file.close();
          await rm(temporary, { force: true });
        },
      };
    },
    async read({ logRef, fromByte = 0, maxBytes = logLimits.defaultReadBytes }) {
      if (!Number.isSafeInteger(fromByte) || !Number.isSafeInteger(maxBytes) || fromByte < 0 || maxBytes < 0) {
        throw new AgentError("invalid_input", "A log is read by whole, positive numbers of bytes.");
      }
      if (!/^[0-9a-f]{64}$/u.test(logRef)) throw new AgentError("invalid_input", "A log is named by a SHA-256.");
      const missing = new AgentError("not_found", "There is no such log.");
      const stats = await stat(pathOf(logRef)).catch(() => undefined);
      if (stats === undefined) throw missing;
      const length = Math.min(maxBytes, logLimits.maxReadBytes);
      const file = await open(pathOf(logRef), "r");
      try {
        const buffer = Buffer.alloc(Math.max(0, Math.min(length, stats.size - fromByte)));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, fromByte);
        const isEnd = fromByte + bytesRead >= stats.size;
        const kept = isEnd ? bytesRead : wholeCharacters(buffer.subarray(0, bytesRead));
        return { data: buffer.toString("utf8", 0, kept), totalBytes: stats.size, nextByte: fromByte + kept };
      } finally {
        await file.close();
      }
    },
  };
}
