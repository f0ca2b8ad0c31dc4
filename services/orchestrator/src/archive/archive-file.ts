// The file of an archive: a plain tar whose last entry seals every byte before it. Nothing of a
// file is looked at before the seal was found whole.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Readable } from "node:stream";

import { AgentError, archiveNames } from "@ossaat/contracts";
import { createTarDecoder, packTar } from "modern-tar";
import { packTar as streamTar } from "modern-tar/fs";
import type { TarSource } from "modern-tar/fs";

import { archiveLimits } from "./limits.ts";

/** What goes into an archive; `open` gives exactly `bytes` bytes. */
export type EntrySource = { name: string; bytes: number; open(): Readable };

/** Of every entry: an archive tells nothing of the machine it was made on. */
const attributes = { mtime: new Date(0), mode: 0o600, uid: 0, gid: 0, uname: "", gname: "" } as const;

/** Bytes of zeros that end a tar. */
const endBytes = 1_024;
/** The seal: a header, one block that holds the hash, the end. */
const sealBytes = 512 + 512 + endBytes;

async function makeSeal(hash: string): Promise<Buffer> {
  const body = `${hash}\n`;
  return Buffer.from(
    await packTar([{ header: { ...attributes, name: archiveNames.seal, size: Buffer.byteLength(body) }, body }]),
  );
}

/** Replaces the end of a tar by the seal. */
async function* withSeal(tar: Readable): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let held = Buffer.alloc(0);
  for await (const chunk of tar) {
    const all = Buffer.concat([held, chunk as Buffer]);
    const ready = all.subarray(0, Math.max(0, all.length - endBytes));
    held = Buffer.from(all.subarray(ready.length));
    hash.update(ready);
    yield ready;
  }
  yield makeSeal(hash.digest("hex"));
}

/** The bytes of an archive. */
export function writeArchive(entries: readonly EntrySource[]): Readable {
  const sources = entries.map((entry): TarSource => ({
    type: "stream",
    target: entry.name,
    size: entry.bytes,
    content: Readable.from(lazily(entry)),
    ...attributes,
  }));
  return Readable.from(withSeal(streamTar(sources, { concurrency: 1 })), { objectMode: false });
}

/** Opens the next entry when the one before is written, so that few files are open at once. */
async function* lazily(entry: EntrySource): AsyncGenerator<Buffer> {
  for await (const chunk of entry.open()) yield chunk as Buffer;
}

/** What is wrong with a file that is no archive. */
export function damaged(what: string, cause?: unknown): AgentError {
  return new AgentError("invalid_input", `The archive cannot be taken: ${what}.`, {
    details: { next: "ossaat export PLAN --file FILE, again, where the plan is" },
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Checks every byte of a file against its seal; gives the SHA-256 of the whole file.
 * @throws AgentError invalid_input, limit_exceeded
 */
export async function checkSeal(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > archiveLimits.maxArchiveBytes) {
    throw new AgentError("limit_exceeded", `An archive has at most ${archiveLimits.maxArchiveBytes} bytes.`, {
      details: { next: "check what file it is: `ossaat export PLAN --file FILE` writes an archive" },
    });
  }
  if (size <= sealBytes || size % 512 !== 0) throw damaged("it is not whole, or no archive of a plan");
  const whole = createHash("sha256");
  const sealed = createHash("sha256");
  for await (const chunk of createReadStream(file, { end: size - sealBytes - 1 })) {
    whole.update(chunk as Buffer);
    sealed.update(chunk as Buffer);
  }
  const handle = await open(file, "r");
  try {
    const seal = Buffer.alloc(sealBytes);
    await handle.read(seal, 0, sealBytes, size - sealBytes);
    if (!seal.equals(await makeSeal(sealed.digest("hex")))) {
      throw damaged("it is not whole, was changed, or is no archive of a plan");
    }
    return whole.update(seal).digest("hex");
  } finally {
    await handle.close();
  }
}

export type ReadEntry = { name: string; bytes: number; body: AsyncIterable<Uint8Array> };

/**
 * The entries of a file whose seal was checked, in order, without the seal. Each body must be read
 * to its end before the next entry is asked for.
 * @throws AgentError invalid_input
 */
export async function* readEntries(file: string): AsyncGenerator<ReadEntry> {
  const bytes = Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;
  const entries = bytes.pipeThrough(createTarDecoder({ strict: true }));
  for await (const { header, body } of entries) {
    if (header.type !== "file" || header.pax !== undefined) throw damaged(`${JSON.stringify(header.name)} is no file`);
    if (header.name === archiveNames.seal) {
      await body.cancel();
      return;
    }
    yield { name: header.name, bytes: header.size, body };
  }
}

/** Reads an entry whole. @throws AgentError limit_exceeded */
export async function readWhole({ name, bytes, body }: ReadEntry, maxBytes: number): Promise<Buffer> {
  if (bytes > maxBytes) {
    throw new AgentError("limit_exceeded", `${name} has more than ${maxBytes} bytes.`, {
      details: { next: "export the plan again: `ossaat export PLAN --file FILE`" },
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
