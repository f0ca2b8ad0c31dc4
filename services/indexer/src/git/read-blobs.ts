// Contents of blobs, streamed out of one `git cat-file --batch`.
import { startGit } from "./git.ts";

type Pending = { blob: string; data: Buffer; filled: number };

/** Cuts the batch output into blobs; `onBlob` gets each one as soon as it is complete. */
class BatchReader {
  readonly #onBlob: (blob: string, data: Buffer) => void;
  #header = "";
  #current: Pending | undefined;
  #skipByte = false;

  constructor(onBlob: (blob: string, data: Buffer) => void) {
    this.#onBlob = onBlob;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#skipByte) {
        this.#skipByte = false;
        at += 1;
      } else if (this.#current === undefined) {
        at = this.#readHeader(chunk, at);
      } else {
        at = this.#readContent(this.#current, chunk, at);
      }
    }
  }

  #readHeader(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(10, at);
    this.#header += chunk.toString("latin1", at, end < 0 ? chunk.length : end);
    if (end < 0) return chunk.length;
    const [blob = "", kind, size] = this.#header.split(" ");
    this.#header = "";
    // "<id> missing": a partial clone; the blob is left out.
    if (kind === "missing" || size === undefined) return end + 1;
    this.#current = { blob, data: Buffer.allocUnsafe(Number(size)), filled: 0 };
    this.#finishWhenFull();
    return end + 1;
  }

  #readContent(current: Pending, chunk: Buffer, at: number): number {
    const taken = Math.min(current.data.length - current.filled, chunk.length - at);
    chunk.copy(current.data, current.filled, at, at + taken);
    current.filled += taken;
    this.#finishWhenFull();
    return at + taken;
  }

  #finishWhenFull(): void {
    const current = this.#current;
    if (current === undefined || current.filled < current.data.length) return;
    this.#current = undefined;
    this.#skipByte = true;
    this.#onBlob(current.blob, current.data);
  }
}

/** Reads blobs in the order given; missing ones are passed over. @throws AgentError tool_failed */
export async function readBlobs(
  root: string,
  blobs: readonly string[],
  onBlob: (blob: string, data: Buffer) => void,
): Promise<void> {
  if (blobs.length === 0) return;
  const { child, ended } = startGit(root, ["cat-file", "--batch", "--buffer"], `${blobs.join("\n")}\n`);
  const reader = new BatchReader(onBlob);
  for await (const chunk of child.stdout) reader.push(chunk as Buffer);
  await ended;
}
