// A merge as remembered on disk: after a kill it goes on where it was.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { writeFileAtomic } from "./write-file-atomic.ts";

const PickedCommit = z.object({ commit: z.string(), stepId: z.string() });

const MergeState = z.looseObject({
  schemaVersion: z.literal(1).default(1),
  /** Hash of base, heads and time: the same request is the same merge. */
  key: z.string(),
  authoredAt: z.string(),
  /** Commit reached so far. */
  head: z.string(),
  /** Commits still to be replayed, in order. */
  queue: z.array(PickedCommit),
  /** The commit whose conflict waits for an answer in the working tree. */
  conflict: z
    .object({ commit: z.string(), stepId: z.string(), files: z.array(z.string()), details: z.string() })
    .optional(),
  done: z.boolean(),
});
export type MergeState = z.infer<typeof MergeState>;

export async function loadMerge(metaDir: string): Promise<MergeState | undefined> {
  const text = await readFile(join(metaDir, "merge.json"), "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : MergeState.parse(JSON.parse(text));
}

export function saveMerge(metaDir: string, state: MergeState): Promise<void> {
  return writeFileAtomic(join(metaDir, "merge.json"), JSON.stringify(state));
}
