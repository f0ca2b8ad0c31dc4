// Takes a plan over from an archive: all of it or nothing. Files first, which are named by their
// content and harm nobody when the rest fails; then one transaction.
import { AgentError, PlanId, archiveNames, isTerminalPlan } from "@ossaat/contracts";
import type { Actor, ImportPlanResponse, KeptPiece, RunMode } from "@ossaat/contracts";

import { appendEvents } from "../event/append-events.ts";
import { readStoreTime } from "../job/store-time.ts";
import { reemitReady } from "../job/sweep.ts";
import { recordPlan } from "../plan/record-plan.ts";
import type { Reader, Tx } from "../store/store.ts";
import type { EventRow, PlanRow, StepRow } from "../store/tables.ts";
import { damaged, readEntries, readWhole } from "./archive-file.ts";
import { checkArchive } from "./check-archive.ts";
import type { CheckedArchive } from "./check-archive.ts";
import type { ArchiveDeps } from "./export-plan.ts";
import { archiveLimits } from "./limits.ts";

export type ImportInput = {
  file: string;
  tenantId: string;
  actor: Actor;
  /** Repository the plan belongs to from here on; absent = none, which only an ended plan can do without. */
  repositoryPath?: string | undefined;
};

function isSameEvent(a: EventRow, b: EventRow): boolean {
  const keys = ["seq", "at", "type", "step_id", "attempt", "actor_json", "data_json", "trace_id"] as const;
  return keys.every((key) => a[key] === b[key]);
}

/**
 * Whether the plan is here already, as far as the archive knows it or further.
 * @throws AgentError conflict when another plan has its id, or the same one went on otherwise
 */
async function isHere(db: Reader | Tx, { manifest, events }: CheckedArchive, tenantId: string): Promise<boolean> {
  const { planId } = manifest;
  const plan = await db.selectFrom("plan").select("tenant_id").where("id", "=", planId).executeTakeFirst();
  if (plan === undefined) return false;
  const known = await db
    .selectFrom("event")
    .selectAll()
    .where("plan_id", "=", planId)
    .where("seq", "<=", events.length)
    .orderBy("seq")
    .execute();
  const isSame =
    plan.tenant_id === tenantId &&
    known.length === events.length &&
    known.every((event, index) => isSameEvent(event, events[index] as EventRow));
  if (isSame) return true;
  throw otherHistory(planId);
}

function otherHistory(planId: string): AgentError {
  return new AgentError("conflict", `There is a plan ${planId} here already, with another history.`, {
    details: { next: `ossaat show ${planId}` },
  });
}

type Place = { root: string; hasBase: boolean };

async function findPlace({ workspaces }: ArchiveDeps, path: string, base: string): Promise<Place> {
  const { root } = await workspaces.inspect({ path });
  const hasBase = await workspaces.inspect({ path, baseRef: base }).then(
    () => true,
    (error: unknown) => {
      if (AgentError.from(error).code === "invalid_input") return false;
      throw error;
    },
  );
  return { root, hasBase };
}

/** @throws AgentError invalid_input, conflict: an open plan needs a repository that has its base */
async function choosePlace(
  deps: ArchiveDeps,
  { manifest }: CheckedArchive,
  repositoryPath: string | undefined,
): Promise<Place | undefined> {
  const { baseCommit: base } = manifest;
  const place = repositoryPath === undefined ? undefined : await findPlace(deps, repositoryPath, base);
  if (isTerminalPlan(manifest.status)) return place;
  if (place === undefined) {
    throw new AgentError("invalid_input", "The plan has not ended: it needs a repository to go on in.", {
      details: { next: "run `ossaat import FILE` in a clone of the plan's repository, or name it with -C" },
    });
  }
  if (place.hasBase) return place;
  throw new AgentError("conflict", `The repository does not have the plan's base, commit ${base.slice(0, 12)}.`, {
    details: { baseCommit: base, next: "`git fetch --all` in the repository, or name another clone with -C" },
  });
}

async function storeArtifacts({ engine }: ArchiveDeps, file: string): Promise<void> {
  for await (const entry of readEntries(file)) {
    if (!entry.name.startsWith("artifacts/")) {
      for await (const chunk of entry.body) void chunk;
      continue;
    }
    const content = await readWhole(entry, archiveLimits.maxArtifactBytes);
    const { ref } = await engine.artifacts.put(content.toString("utf8"));
    if (archiveNames.artifact(ref) !== entry.name) throw damaged(`${entry.name} is not text`);
  }
}

async function* keptPieces(file: string, withObjects: boolean): AsyncGenerator<KeptPiece> {
  for await (const { name, body } of readEntries(file)) {
    const isWanted = name.startsWith("logs/") || (withObjects && name === archiveNames.objects);
    let isEmpty = true;
    for await (const chunk of body) {
      if (!isWanted) continue;
      isEmpty = false;
      for (let from = 0; from < chunk.length; from += archiveLimits.pieceBytes) {
        yield { name, data: chunk.subarray(from, from + archiveLimits.pieceBytes) };
      }
    }
    // An output without a byte is an output all the same.
    if (isWanted && isEmpty && name.startsWith("logs/")) yield { name, data: new Uint8Array() };
  }
}

/** Gives the runner what it keeps; says why when an ended plan goes without its commits. */
async function storeKept(deps: ArchiveDeps, archive: CheckedArchive, place: Place | undefined): Promise<string[]> {
  const { manifest, file } = archive;
  const { planId, objects } = manifest;
  const only = { planId, objects: [] };
  const left = (why: string) => [`The commits of the plan were left out (${why}): it has no diff here.`];
  if (place === undefined) {
    await deps.workspaces.importKept(only, keptPieces(file, false));
    return objects.length === 0 ? [] : left("no repository was named");
  }
  try {
    await deps.workspaces.importKept({ planId, repositoryPath: place.root, objects }, keptPieces(file, true));
    return [];
  } catch (error) {
    const { code, message } = AgentError.from(error);
    if (!isTerminalPlan(manifest.status) || (code !== "conflict" && code !== "invalid_input")) throw error;
    await deps.workspaces.importKept(only, keptPieces(file, false));
    return left(message);
  }
}

type Here = { tenantId: string; runMode: RunMode; root: string | undefined };

/** The plan as it is here: the importer's tenant, mode and place; what was written into the other repository is not here. */
function planHere({ rows, state }: CheckedArchive, { tenantId, runMode, root }: Here): PlanRow {
  const { plan } = rows;
  const options = JSON.parse(plan.options_json) as { repository: object };
  const repository = root === undefined ? options.repository : { ...options.repository, path: root };
  return {
    ...plan,
    tenant_id: tenantId,
    options_json: JSON.stringify({ ...options, tenantId, runMode, repository }),
    repository_path: root ?? plan.repository_path,
    recorded_revision: isTerminalPlan(state.status) || root === undefined ? plan.recorded_revision : 0,
  };
}

/** A lease is void elsewhere: the sweep takes the step back as it takes one of a dead worker. */
function stepHere(step: StepRow): StepRow {
  return step.status === "running" ? { ...step, lease_until: 0 } : step;
}

async function insertAll<Row>(rows: readonly Row[], insert: (part: Row[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < rows.length; from += archiveLimits.rowsPerInsert) {
    await insert(rows.slice(from, from + archiveLimits.rowsPerInsert));
  }
}

async function insertRows(tx: Tx, { rows, events }: CheckedArchive, plan: PlanRow): Promise<void> {
  const approvals = rows.approvals.map((row) => ({ ...row, tenant_id: plan.tenant_id }));
  // NOTE: a database that knows tenants shows no plan of another, but has it all the same.
  const adding = tx
    .insertInto("plan")
    .values(plan)
    .onConflict((conflict) => conflict.column("id").doNothing());
  if ((await adding.returning("id").executeTakeFirst()) === undefined) throw otherHistory(plan.id);
  await insertAll(rows.steps.map(stepHere), (part) => tx.insertInto("step").values(part).execute());
  await insertAll(rows.needs, (part) => tx.insertInto("step_dep").values(part).execute());
  await insertAll(rows.attempts, (part) => tx.insertInto("attempt").values(part).execute());
  await insertAll(approvals, (part) => tx.insertInto("approval").values(part).execute());
  await insertAll(rows.timers, (part) => tx.insertInto("timer").values(part).execute());
  await insertAll(events, (part) => tx.insertInto("event").values(part).execute());
}

async function commitPlan(
  { engine, runMode = "consumer" }: ArchiveDeps,
  archive: CheckedArchive,
  { tenantId, actor, root }: { tenantId: string; actor: Actor; root: string | undefined },
): Promise<"imported" | "already_here"> {
  const { manifest, sha256 } = archive;
  const planId = PlanId.parse(manifest.planId);
  return engine.store.tx(async (tx) => {
    // NOTE: asked again, because the same archive may have arrived twice at once.
    if (await isHere(tx, archive, tenantId)) return "already_here";
    const plan = planHere(archive, { tenantId, runMode, root });
    await insertRows(tx, archive, plan);
    const { exportedAt, version } = manifest;
    const data = { archive: sha256, exportedAt, version, ...(root === undefined ? {} : { repositoryPath: root }) };
    const now = await readStoreTime(engine, tx);
    await appendEvents(tx, { planId, nextSeq: plan.next_seq, actor, now }, [{ type: "plan.imported", data }]);
    return "imported";
  });
}

/** Gives the repository the branch of a plan that succeeded; says why when it cannot. */
async function publishBranch(deps: ArchiveDeps, { manifest, state }: CheckedArchive, root: string): Promise<string[]> {
  const { branch, commit } = state;
  if (branch === undefined || commit === undefined) return [];
  try {
    await deps.workspaces.publish({ planId: manifest.planId, repositoryPath: root, branch, commit });
    return [`The branch ${branch} stands in the repository.`];
  } catch (error) {
    return [`The branch ${branch} was not made: ${AgentError.from(error).message}`];
  }
}

/** An open plan goes on by the rules of the server that it is on. */
function modeNotes({ runMode: here = "consumer" }: ArchiveDeps, { rows, manifest }: CheckedArchive): string[] {
  const { runMode: there = "consumer" } = JSON.parse(rows.plan.options_json) as { runMode?: RunMode };
  if (isTerminalPlan(manifest.status) || here === there) return [];
  return [`The plan was made in run mode ${there} and goes on in run mode ${here}.`];
}

/** How a plan stands that is here already: it may have gone on since the archive was made. */
async function standsHere(
  { engine }: ArchiveDeps,
  planId: string,
): Promise<Pick<ImportPlanResponse, "status" | "events">> {
  const row = await engine.store.read
    .selectFrom("plan")
    .select(["status", "next_seq"])
    .where("id", "=", planId)
    .executeTakeFirstOrThrow();
  return { status: row.status, events: row.next_seq - 1 };
}

/**
 * Imports the plan of an archive; the same archive again changes nothing.
 * @throws AgentError invalid_input (damaged, tampered, no repository), conflict (another plan of the
 * id, newer version, base commit missing), limit_exceeded
 */
export async function importPlan(deps: ArchiveDeps, input: ImportInput): Promise<ImportPlanResponse> {
  const { engine } = deps;
  const { tenantId, actor } = input;
  const archive = await checkArchive(input.file);
  const { planId, status, events, lacking } = archive.manifest;
  const answer = { schemaVersion: 1, planId, status, events } as const;
  if (await isHere(engine.store.read, archive, tenantId)) {
    return { ...answer, ...(await standsHere(deps, planId)), outcome: "already_here", notes: [] };
  }
  const place = await choosePlace(deps, archive, input.repositoryPath);
  await storeArtifacts(deps, input.file);
  const left = await storeKept(deps, archive, place);
  const root = place?.root;
  const outcome = await commitPlan(deps, archive, { tenantId, actor, root });
  const gone =
    lacking.length === 0 ? [] : [`The archive lacks ${lacking.length} objects that were gone when it was made.`];
  const notes = [...left, ...gone, ...modeNotes(deps, archive)];
  if (root !== undefined && left.length === 0 && place?.hasBase === true)
    notes.push(...(await publishBranch(deps, archive, root)));
  if (!isTerminalPlan(status)) {
    await recordPlan(deps, planId);
    await reemitReady(engine, 0);
  }
  engine.bus.wake(planId);
  engine.wakeQueue();
  return { ...answer, ...(outcome === "already_here" ? await standsHere(deps, planId) : {}), outcome, notes };
}
