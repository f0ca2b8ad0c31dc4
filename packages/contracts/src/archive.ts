// The archive of a plan: one tar file that another server can go on from. Its first entry is this
// manifest; its last, `archive.sha256`, is the SHA-256 of every byte before that entry's header.
import { z } from "zod";

import { PlanId, Sha256, Timestamp } from "./ids.ts";
import { PlanStatus } from "./plan-status.ts";

export const archiveNames = {
  manifest: "manifest.json",
  rows: "rows.json",
  events: "events.jsonl",
  artifact: (ref: string) => `artifacts/${ref}`,
  log: (ref: string) => `logs/${ref}`,
  objects: "objects.bundle",
  seal: "archive.sha256",
} as const;

/** Every name an entry of an archive may have besides manifest and seal. */
export const archiveEntryName = /^(?:rows\.json|events\.jsonl|objects\.bundle|(?:artifacts|logs)\/[0-9a-f]{64})$/u;

const ArchiveEntry = z.strictObject({
  name: z.string().regex(archiveEntryName),
  bytes: z.int().nonnegative(),
  sha256: Sha256,
});
export type ArchiveEntry = z.infer<typeof ArchiveEntry>;

/** Reads `schemaVersion` alone, to tell a newer archive from a damaged one. */
export const ArchiveVersion = z.looseObject({ kind: z.literal("ossaat-plan"), schemaVersion: z.int().positive() });

export const ArchiveManifest = z.strictObject({
  kind: z.literal("ossaat-plan"),
  schemaVersion: z.literal(1),
  /** Version of the product that wrote it. */
  version: z.string().max(100),
  /** Newest migration of the store it came from. */
  storeSchema: z.string().max(100),
  exportedAt: Timestamp,
  planId: PlanId,
  status: PlanStatus,
  /** Events in the log. */
  events: z.int().positive(),
  baseCommit: z.string().regex(/^[0-9a-f]{40,64}$/u),
  /** Commits and trees the plan needs, all in `objects.bundle` or in what it builds on. */
  objects: z.array(z.string().regex(/^[0-9a-f]{40,64}$/u)),
  /** What the log names and the exporting server no longer had: git objects, `logs/…`. */
  lacking: z.array(z.string().max(100)),
  /** In the order they follow the manifest. */
  entries: z.array(ArchiveEntry),
});
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;
