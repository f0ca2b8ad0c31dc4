// Reads an archive and believes nothing of it: seal, sizes and hashes first, then whether rows and
// events tell the same story. Nothing is written before all of it holds.
import { createHash } from "node:crypto";

import { AgentError, ArchiveManifest, ArchiveVersion, archiveNames, foldPlan, hashPlan } from "@ossaat/contracts";
import type { Plan, PlanState } from "@ossaat/contracts";
import { z } from "zod";

import { toPlanEvent } from "../event/read-events.ts";
import { migrationNames } from "../store/migrate.ts";
import type { EventRow } from "../store/tables.ts";
import { checkSeal, damaged, readEntries, readWhole } from "./archive-file.ts";
import type { ReadEntry } from "./archive-file.ts";
import { findForgedApproval, findForgedGrants } from "./check-approvals.ts";
import { findForgedAttempt } from "./check-attempts.ts";
import { findForgedStep } from "./check-steps.ts";
import { maxBytesOf } from "./entry-limits.ts";
import { archiveLimits } from "./limits.ts";
import { baseOf, namedArtifacts } from "./plan-references.ts";
import { EventRecord, PlanRecords } from "./plan-rows.ts";

export type CheckedArchive = {
  file: string;
  sha256: string;
  manifest: ArchiveManifest;
  rows: PlanRecords;
  events: EventRow[];
  state: PlanState;
};

function parseJson(name: string, content: Buffer): unknown {
  try {
    return JSON.parse(content.toString("utf8"));
  } catch (error) {
    throw damaged(`${name} is not JSON`, error);
  }
}

function parseWith<T extends z.ZodType>(name: string, schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw damaged(`${name} is not what it should be (${z.prettifyError(parsed.error).slice(0, 300)})`);
}

function newer(what: string): AgentError {
  return new AgentError("conflict", `The archive was written by a newer version of ossaat (${what}).`, {
    details: { next: "update ossaat, then `ossaat import FILE` again" },
  });
}

/** @throws AgentError conflict when a newer version wrote it */
function readManifest(content: Buffer): ArchiveManifest {
  const value = parseJson(archiveNames.manifest, content);
  const { schemaVersion } = parseWith(archiveNames.manifest, ArchiveVersion, value);
  if (schemaVersion > 1) throw newer(`format ${schemaVersion}`);
  const manifest = parseWith(archiveNames.manifest, ArchiveManifest, value);
  if (!migrationNames.includes(manifest.storeSchema)) throw newer(`schema ${manifest.storeSchema}`);
  if (manifest.entries.length > archiveLimits.maxEntries) {
    throw new AgentError("limit_exceeded", `An archive has at most ${archiveLimits.maxEntries} entries.`, {
      details: { next: "export the plan again: `ossaat export PLAN --file FILE`" },
    });
  }
  if (new Set(manifest.entries.map(({ name }) => name)).size !== manifest.entries.length) {
    throw damaged("it names an entry twice");
  }
  return manifest;
}

/** Reads an entry to its end against the manifest; gives the content of those that are rows. */
async function checkEntry(entry: ReadEntry, told: ArchiveManifest["entries"][number] | undefined) {
  const { name, bytes } = entry;
  if (told === undefined || told.name !== name || told.bytes !== bytes) {
    throw damaged(`${JSON.stringify(name)} is not what the manifest says`);
  }
  if (bytes > maxBytesOf(name)) {
    throw new AgentError("limit_exceeded", `${name} has more than ${maxBytesOf(name)} bytes.`, {
      details: { next: "export the plan again: `ossaat export PLAN --file FILE`" },
    });
  }
  const isRows = name === archiveNames.rows || name === archiveNames.events;
  const kept: Uint8Array[] = [];
  const hash = createHash("sha256");
  for await (const chunk of entry.body) {
    hash.update(chunk);
    if (isRows) kept.push(chunk);
  }
  const digest = hash.digest("hex");
  // Artifacts and outputs are named by what is in them.
  const isNamedByHash = name.startsWith("artifacts/") || name.startsWith("logs/");
  if (digest !== told.sha256 || (isNamedByHash && !name.endsWith(`/${digest}`))) {
    throw damaged(`${name} was changed`);
  }
  return Buffer.concat(kept);
}

function readEvents(content: Buffer): EventRow[] {
  const lines = content.toString("utf8").split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const name = `${archiveNames.events}, line ${index + 1},`;
    return parseWith(name, EventRecord, parseJson(name, Buffer.from(line)));
  });
}

/** @throws AgentError invalid_input when they cannot be read */
export function foldRows(events: readonly EventRow[]): PlanState {
  let state: PlanState | undefined;
  try {
    for (const event of events) state = foldPlan(state, toPlanEvent(event));
  } catch (error) {
    throw damaged("its events cannot be read", error);
  }
  if (state === undefined) throw damaged("it has no events");
  return state;
}

/** What rows and events must agree on; the first thing they do not. */
function disagreement({ manifest, rows, events, state }: Omit<CheckedArchive, "file" | "sha256">): string | undefined {
  const { plan, steps, approvals } = rows;
  const all = [...steps, ...rows.needs, ...rows.attempts, ...approvals, ...rows.timers, ...events];
  if (plan.id !== manifest.planId || all.some((row) => row.plan_id !== plan.id)) return "a row is of another plan";
  if (events.some(({ seq }, index) => seq !== index + 1)) return "its events have a gap";
  if (events.length !== manifest.events || plan.next_seq !== events.length + 1) return "events are missing";
  if (plan.status !== manifest.status || state.status !== plan.status) return "the state is not that of the events";
  const told = { rows, state, events };
  const forged = findForgedStep(told) ?? findForgedAttempt(told) ?? findForgedApproval(approvals, { state, events });
  if (forged !== undefined) return forged;
  if (plan.def_json !== null && hashPlan(JSON.parse(plan.def_json) as Plan) !== plan.def_hash) {
    return "the plan is not the one its hash names";
  }
  if (plan.def_hash !== (state.planHash ?? null)) return "the plan is not the newest of its events";
  const wrong = findForgedGrants(plan, { state, events });
  if (wrong !== undefined) return wrong;
  if (baseOf(plan.options_json) !== manifest.baseCommit) return "its base is not the manifest's";
  const carried = new Set(manifest.entries.map(({ name }) => name));
  if (namedArtifacts(events).some((ref) => !carried.has(archiveNames.artifact(ref)))) return "an artifact is missing";
  return undefined;
}

/**
 * Reads and checks the whole archive in `file`.
 * @throws AgentError invalid_input, limit_exceeded, conflict (written by a newer version)
 */
export async function checkArchive(file: string): Promise<CheckedArchive> {
  const sha256 = await checkSeal(file);
  let manifest: ArchiveManifest | undefined;
  const contents = new Map<string, Buffer>();
  for await (const entry of readEntries(file)) {
    if (manifest === undefined) {
      if (entry.name !== archiveNames.manifest) throw damaged("it does not begin with its manifest");
      manifest = readManifest(await readWhole(entry, archiveLimits.maxManifestBytes));
      continue;
    }
    contents.set(entry.name, await checkEntry(entry, manifest.entries[contents.size]));
  }
  if (manifest === undefined || contents.size !== manifest.entries.length) throw damaged("entries are missing");
  const [rowsContent, eventsContent] = [contents.get(archiveNames.rows), contents.get(archiveNames.events)];
  if (rowsContent === undefined || eventsContent === undefined) throw damaged("its rows are missing");
  const rows: PlanRecords = parseWith(archiveNames.rows, PlanRecords, parseJson(archiveNames.rows, rowsContent));
  const events = readEvents(eventsContent);
  const checked = { manifest, rows, events, state: foldRows(events) };
  const wrong = disagreement(checked);
  if (wrong !== undefined) throw damaged(wrong);
  return { file, sha256, ...checked };
}
