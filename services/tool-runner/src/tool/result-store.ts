// Results of finished calls on disk, so that a repeated call is answered and never run twice,
// after a restart, too.
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import type { ToolEvent } from "@ossaat/contracts";

import { writeFileAtomic } from "../workspace/write-file-atomic.ts";

export type StoredCall = {
  /** Digest of what was asked: the same id with other content is refused. Absent = cancelled before it was asked. */
  request?: string;
  /** Absent while the call runs (or ran when the runner was killed). */
  terminal?: ToolEvent;
};

export type ResultStore = {
  load(invocationId: string): Promise<StoredCall | undefined>;
  save(invocationId: string, call: StoredCall): Promise<void>;
  drop(invocationId: string): Promise<void>;
};

export function createResultStore(dir: string): ResultStore {
  // An invocation id is the caller's text; its hash is a safe name of fixed length.
  const pathOf = (id: string) => {
    const name = createHash("sha256").update(id).digest("hex");
    return join(dir, name.slice(0, 2), `${name}.json`);
  };
  return {
    async load(invocationId) {
      try {
        return JSON.parse(await readFile(pathOf(invocationId), "utf8")) as StoredCall;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    save: (invocationId, call) => writeFileAtomic(pathOf(invocationId), JSON.stringify(call)),
    drop: (invocationId) => rm(pathOf(invocationId), { force: true }),
  };
}
