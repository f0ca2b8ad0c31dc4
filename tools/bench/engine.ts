// Steps a second through the durable engine (queue, worker, claim and complete with guards, events
// and outbox), against the bare statements of a claim and a completion on a file with the same
// settings, each in a transaction of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import path from "node:path";

import { openSqliteStore } from "../../services/orchestrator/src/store/adapters/sqlite.ts";
import { openLoadEngine, rateOfSteps } from "./engine-load.ts";
import { interleave, toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import type { Bench } from "./report.ts";

const plans = 10;
const stepsPerPlan = 12;
/** Steps at once, as the product has it. */
const slots = 4;
const rawSteps = 300;
const rounds = 7;

async function engineRate(): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-bench-"));
  try {
    const engine = openLoadEngine(await openSqliteStore(path.join(folder, "state.db")));
    return await rateOfSteps(engine, { plans, steps: stepsPerPlan, slots });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rawSetup = `PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
  CREATE TABLE step (id INTEGER PRIMARY KEY, status TEXT NOT NULL, fence INTEGER NOT NULL, owner TEXT, result TEXT) STRICT`;

/** Steps a second of nothing but the two statements. */
function rawRate(): number {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-bench-"));
  const db = new DatabaseSync(path.join(folder, "raw.db"));
  try {
    db.exec(rawSetup);
    db.exec(`INSERT INTO step WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rawSteps})
      SELECT i, 'ready', 0, NULL, NULL FROM n`);
    const claim = db.prepare(
      "UPDATE step SET status='running', fence=fence+1, owner=? WHERE id=? AND status='ready' RETURNING fence",
    );
    const complete = db.prepare(
      "UPDATE step SET status='succeeded', owner=NULL, result=? WHERE id=? AND fence=? AND status='running'",
    );
    const start = performance.now();
    for (let id = 1; id <= rawSteps; id += 1) {
      db.exec("BEGIN IMMEDIATE");
      const row = claim.get("bench", id) as { fence: number };
      db.exec("COMMIT");
      db.exec("BEGIN IMMEDIATE");
      complete.run('{"summary":""}', id, row.fence);
      db.exec("COMMIT");
    }
    return (rawSteps / (performance.now() - start)) * 1000;
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

async function run(): Promise<Result[]> {
  const series = await interleave(rounds, engineRate, rawRate);
  const unit = "steps/s";
  const goal = { of: "ratio", relation: "≥", limit: 0.3 } as const;
  // A step of the raw loop is two transactions, so it runs twice as many of them. A step of ours is a claim and
  // a completion too, so this is stated and has no goal of its own.
  const transactions = { ours: series.ours, baseline: series.baseline.map((steps) => steps * 2) };
  const stated = { unit, goal: null, id: "engine.steps-to-commits", baselineName: "raw durable transactions" };
  return [
    toResult({ unit, goal, id: "engine.steps", baselineName: "raw claim + complete" }, series),
    toResult(stated, transactions),
  ];
}

export const engineSteps: Bench = { ids: ["engine.steps", "engine.steps-to-commits"], run };
