// The number of the lock that stands for a worker's name among all advisory locks of the database.
import { createHash } from "node:crypto";

/** As text: it takes all of 64 bits. */
export function workerNameLock(name: string): string {
  return createHash("sha256").update(`ossaat worker ${name}`).digest().readBigInt64BE(0).toString();
}
