// Writes the archive of a plan: everything another server needs to show it and to go on with it.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { appendFile, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";

import { AgentError, ArchiveManifest, archiveNames, isTerminalPlan, sha256Hex } from "@ossaat/contracts";
import type { ArchiveEntry, RunMode, WorkspaceService } from "@ossaat/contracts";

import { toTimestamp } from "../clock.ts";
import { planNotFound } from "../job/engine.ts";
import type { Engine } from "../job/engine.ts";
import { requirePlan } from "../plan/read-plan.ts";
import { migrationNames } from "../store/migrate.ts";
import type { PlanRow } from "../store/tables.ts";
import { writeArchive } from "./archive-file.ts";
import type { EntrySource } from "./archive-file.ts";
import { requireRoom } from "./entry-limits.ts";
import { readPlanRows } from "./plan-rows.ts";
import { baseOf, findReferences } from "./plan-references.ts";
import type { PlanReferences } from "./plan-references.ts";
import { spoolEntry } from "./spool-folder.ts";

export type ArchiveDeps = {
  engine: Engine;
  workspaces: WorkspaceService;
  version: string;
  /** Mode the server runs in; absent = consumer. */
  runMode?: RunMode | undefined;
  /** Where an archive lies while it is made or checked. */
  spoolDir: string;
};

type Source = EntrySource & { sha256: string };

/** A folder that is gone when the work is over. */
export async function makeSpool({ spoolDir }: Pick<ArchiveDeps, "spoolDir">): Promise<string> {
  const folder = spoolEntry(spoolDir);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function inMemory(name: string, content: Buffer): Source {
  return { name, bytes: content.length, sha256: sha256Hex(content), open: () => Readable.from([content]) };
}

/** What the runner no longer has. @throws AgentError not_found when an open plan would not go on without it */
async function findLacking(
  { workspaces }: ArchiveDeps,
  plan: PlanRow,
  { objects, logRefs }: PlanReferences,
): Promise<{ objects: string[]; logRefs: string[]; repositoryPath: string | undefined }> {
  const asked = { planId: plan.id, objects, logRefs };
  const here = { ...asked, repositoryPath: plan.repository_path };
  const lacking = await workspaces.findLacking(here).then(
    (found) => ({ ...found, repositoryPath: plan.repository_path as string | undefined }),
    async (error: unknown) => {
      // The checkout has moved away; what an ended plan left is worth keeping all the same.
      if (!isTerminalPlan(plan.status) || AgentError.from(error).code !== "invalid_input") throw error;
      return { ...(await workspaces.findLacking(asked)), repositoryPath: undefined };
    },
  );
  if (lacking.objects.length > 0 && !isTerminalPlan(plan.status)) {
    throw new AgentError("not_found", "The repository lacks commits of the plan, which could not go on elsewhere.", {
      details: { objects: lacking.objects.slice(0, 10), next: `ossaat show ${plan.id}` },
    });
  }
  return lacking;
}

/** Brings what the runner keeps into files of the spool. */
async function spoolKept(
  { workspaces }: ArchiveDeps,
  request: Parameters<WorkspaceService["exportKept"]>[0],
  spool: string,
): Promise<Source[]> {
  const made = new Map<string, { file: string; bytes: number; hash: ReturnType<typeof createHash> }>();
  for await (const { name, data } of workspaces.exportKept(request)) {
    const entry = made.get(name) ?? { file: path.join(spool, String(made.size)), bytes: 0, hash: createHash("sha256") };
    made.set(name, entry);
    await appendFile(entry.file, data, { mode: 0o600 });
    entry.bytes += data.length;
    entry.hash.update(data);
  }
  // An output without a byte has no piece.
  for (const name of request.logRefs.map((ref) => archiveNames.log(ref))) {
    if (!made.has(name)) made.set(name, { file: "/dev/null", bytes: 0, hash: createHash("sha256") });
  }
  return [...made].map(([name, { file, bytes, hash }]) => ({
    name,
    bytes,
    sha256: hash.digest("hex"),
    open: () => createReadStream(file),
  }));
}

async function artifactSources({ engine }: ArchiveDeps, refs: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const ref of refs) {
    const bytes = Buffer.byteLength(await engine.artifacts.get(ref));
    async function* content() {
      yield Buffer.from(await engine.artifacts.get(ref));
    }
    sources.push({ name: archiveNames.artifact(ref), bytes, sha256: ref, open: () => Readable.from(content()) });
  }
  return sources;
}

/** NOTE: one text of all lines could be longer than a text may be. */
const linesOf = (events: readonly object[]) =>
  Buffer.concat(events.map((event) => Buffer.from(`${JSON.stringify(event)}\n`)));

export type Exported = { manifest: ArchiveManifest; archive: Readable; remove(): Promise<void> };

/**
 * The archive of a plan of the tenant. `remove` must be called when it was read.
 * @throws AgentError not_found, limit_exceeded
 */
export async function exportPlan(
  deps: ArchiveDeps,
  { planId, tenantId }: { planId: string; tenantId: string },
): Promise<Exported> {
  const { engine, version } = deps;
  await requirePlan(engine.store.read, planId, tenantId);
  const read = await engine.store.snapshot((tx) => readPlanRows(tx, planId));
  if (read === undefined) throw planNotFound(planId);
  const { events, ...rows } = read;
  const written = [
    inMemory(archiveNames.rows, Buffer.from(`${JSON.stringify(rows)}\n`)),
    inMemory(archiveNames.events, linesOf(events)),
  ];
  // Asked before the rest is gathered.
  requireRoom(planId, written);
  const references = await findReferences(engine.artifacts, read);
  const lacking = await findLacking(deps, rows.plan, references);
  const has = (lost: readonly string[]) => (name: string) => !lost.includes(name);
  const objects = references.objects.filter(has(lacking.objects));
  const logRefs = references.logRefs.filter(has(lacking.logRefs));
  const spool = await makeSpool(deps);
  try {
    const { repositoryPath } = lacking;
    const sources = [
      ...written,
      ...(await artifactSources(deps, references.artifacts)),
      ...(await spoolKept(deps, { planId, repositoryPath, objects, logRefs }, spool)),
    ];
    const manifest = ArchiveManifest.parse({
      kind: "ossaat-plan",
      schemaVersion: 1,
      version,
      storeSchema: migrationNames.at(-1) ?? "none",
      exportedAt: toTimestamp(engine.clock.now()),
      planId,
      status: rows.plan.status,
      events: events.length,
      baseCommit: baseOf(rows.plan.options_json),
      objects,
      lacking: [...lacking.objects, ...lacking.logRefs.map((ref) => archiveNames.log(ref))],
      entries: sources.map(({ name, bytes, sha256 }): ArchiveEntry => ({ name, bytes, sha256 })),
    });
    const head = inMemory(archiveNames.manifest, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    requireRoom(planId, [head, ...sources]);
    const remove = () => rm(spool, { recursive: true, force: true });
    return { manifest, archive: writeArchive([head, ...sources]), remove };
  } catch (error) {
    await rm(spool, { recursive: true, force: true });
    throw error;
  }
}
