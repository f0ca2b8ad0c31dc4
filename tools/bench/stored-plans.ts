// State folders with many plans in them, as a server that was killed would have left them.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { PlanId } from "../../packages/contracts/src/index.ts";
import { testPlan, testStep } from "../../packages/contracts/src/testing/index.ts";
import { createFileArtifacts } from "../../services/orchestrator/src/artifact/adapters/files.ts";
import { systemClock, systemIds } from "../../services/orchestrator/src/clock.ts";
import { createEventBus } from "../../services/orchestrator/src/event/event-bus.ts";
import { completeStep } from "../../services/orchestrator/src/job/end-step.ts";
import type { Engine } from "../../services/orchestrator/src/job/engine.ts";
import { openSqliteStore } from "../../services/orchestrator/src/store/adapters/sqlite.ts";
import { endByLastStep, messagesOf, takeStep } from "../../services/orchestrator/src/testing/take-step.ts";
import { planOptions, storeApproved } from "../../services/orchestrator/src/testing/test-engine.ts";
import { git, smallRepository } from "./repositories.ts";
import type { BenchFolder } from "./server-process.ts";

const stepsPerPlan = 4;

/** A model that takes its time, so that a step which was begun goes on. */
const script = { schemaVersion: 1, replies: [], fallback: { text: "Working.", delayMs: 600_000 } };

export type StoredPlans = {
  finished: number;
  open: number;
  /** Of the open ones: those with a step that was running when the server was killed. */
  running: number;
};

function databaseFile({ stateDir }: BenchFolder): string {
  return path.join(stateDir, "ossaat.db");
}

async function withEngine<T>(bench: BenchFolder, work: (engine: Engine) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(databaseFile(bench));
  const ignore = () => undefined;
  try {
    return await work({
      store,
      clock: systemClock,
      ids: systemIds,
      rng: Math.random,
      bus: createEventBus(),
      artifacts: createFileArtifacts(path.join(bench.stateDir, "artifacts")),
      log: { info: ignore, warn: ignore, error: ignore },
      wakeQueue: ignore,
      signalCancel: ignore,
    });
  } finally {
    await store.close();
  }
}

function planIdOf(n: number): PlanId {
  return PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
}

async function storePlan(engine: Engine, bench: BenchFolder, n: number): Promise<PlanId> {
  const repository = path.join(bench.folder, "repository");
  const commit = git(repository, ["rev-parse", "HEAD"]);
  const steps = Array.from({ length: stepsPerPlan }, (_, index) =>
    testStep(`s${index}`, { action: "audit", needs: index === 0 ? [] : [`s${index - 1}`] }),
  );
  const plan = testPlan(steps, { id: planIdOf(n), repository: { commit, branch: "main" } });
  const options = planOptions(plan.budget);
  const planId = await storeApproved(engine, plan, {
    ...options,
    repository: { ...options.repository, path: repository, baseCommit: commit },
    model: `scripted:${path.join(bench.folder, "replies.json")}`,
  });
  // Its files were written long ago.
  await engine.store.tx((tx) =>
    tx.updateTable("plan").set({ recorded_revision: 1 }).where("id", "=", planId).execute(),
  );
  return planId;
}

async function finishPlan(engine: Engine, planId: PlanId): Promise<void> {
  for (let index = 0; index < stepsPerPlan; index += 1) {
    await completeStep(engine, await takeStep(engine, planId, `s${index}`), { summary: "Done." });
  }
  const [finish] = await messagesOf(engine, planId);
  await endByLastStep(engine, await takeStep(engine, planId, finish?.stepId ?? ""));
}

/** Copies every row of a finished plan under other ids: making each of a thousand would take minutes. */
function copyPlan(db: DatabaseSync, from: string, ids: readonly string[]): void {
  db.exec("BEGIN");
  for (const table of ["plan", "step", "step_dep", "attempt", "event"]) {
    const columns = db.prepare(`SELECT name, type FROM pragma_table_info('${table}')`).all() as Record<
      string,
      string
    >[];
    const names = columns.map(({ name }) => name).join(", ");
    const values = columns.map(({ name, type }) => (type === "TEXT" ? `replace(${name}, ?1, ?2)` : name)).join(", ");
    const key = table === "plan" ? "id" : "plan_id";
    const copy = db.prepare(`INSERT INTO ${table} (${names}) SELECT ${values} FROM ${table} WHERE ${key} = ?1`);
    for (const id of ids) copy.run(from, id);
  }
  db.exec("COMMIT");
}

/** Fills an empty state folder; the plans are of a small repository beside it. */
export async function storePlans(bench: BenchFolder, { finished, open, running }: StoredPlans): Promise<void> {
  smallRepository(bench.folder);
  writeFileSync(path.join(bench.folder, "replies.json"), JSON.stringify(script));
  await withEngine(bench, async (engine) => {
    if (finished > 0) await finishPlan(engine, await storePlan(engine, bench, 1));
    for (let n = 0; n < open; n += 1) {
      const planId = await storePlan(engine, bench, finished + n + 1);
      if (n < running) await takeStep(engine, planId, "s0", "worker-that-was-killed");
    }
  });
  if (finished < 2) return;
  const db = new DatabaseSync(databaseFile(bench));
  const ids = Array.from({ length: finished - 1 }, (_, index) => planIdOf(index + 2));
  copyPlan(db, planIdOf(1), ids);
  db.close();
}

/** Reads the state folder of a server that does not run. */
export function queryState<T>(bench: BenchFolder, statement: string, ...values: (string | number)[]): T[] {
  const db = new DatabaseSync(databaseFile(bench));
  try {
    return db.prepare(statement).all(...values) as T[];
  } finally {
    db.close();
  }
}
