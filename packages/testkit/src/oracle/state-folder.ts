// What lies in the state folder beside the database: artifacts that events name, working trees and
// turns that ended plans must not leave behind.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { PlanEvent } from "@ossaat/contracts";

import type { PlanFact, Query } from "./facts.ts";

/** Opens the database of a server that does not run any more. */
export function openStateDatabase(stateDir: string): { query: Query; planIds(): string[]; close(): void } {
  const database = new DatabaseSync(path.join(stateDir, "ossaat.db"));
  return {
    query: (sql, parameters) => Promise.resolve(database.prepare(sql).all(...parameters)),
    planIds: () =>
      database
        .prepare("select id from plan order by created_at, id")
        .all()
        .map((row) => String(row["id"])),
    close: () => database.close(),
  };
}

/** What a queue may do at any time: every message that waits is gone. The server must not run. */
export function loseMessages(stateDir: string): void {
  const database = new DatabaseSync(path.join(stateDir, "ossaat.db"));
  database.exec("delete from outbox");
  database.close();
}

function refsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "ref" in value && "bytes" in value && typeof value.ref === "string" ? [value.ref] : [];
  const evidence = "evidenceRef" in value && typeof value.evidenceRef === "string" ? [value.evidenceRef] : [];
  return [...own, ...evidence, ...Object.values(value).flatMap(refsIn)];
}

/** Artifacts that events name, each once. */
export function refsOf(events: readonly PlanEvent[]): string[] {
  return [...new Set(events.flatMap(({ data }) => refsIn(data)))];
}

/** I4: every artifact that an event names is there and whole. */
export function findArtifactProblems(stateDir: string, events: readonly PlanEvent[]): string[] {
  return refsOf(events).flatMap((ref) => {
    const file = path.join(stateDir, "artifacts", ref.slice(0, 2), ref);
    if (!existsSync(file)) return [`artifact ${ref} is missing`];
    const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
    return hash === ref ? [] : [`artifact ${ref} is damaged`];
  });
}

/** I9: a plan that succeeded leaves no working tree, and none that ended leaves recorded turns. */
export function findFolderLeftovers(stateDir: string, { plan }: { plan: Pick<PlanFact, "id" | "status"> }): string[] {
  const left = (...parts: string[]) => existsSync(path.join(stateDir, ...parts));
  return [
    ...(plan.status === "succeeded" && left("runner", "workspaces", plan.id)
      ? ["its working trees are still there"]
      : []),
    ...(left("turns", plan.id) ? ["its recorded turns are still there"] : []),
  ];
}
