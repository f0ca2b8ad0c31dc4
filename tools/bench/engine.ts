// Steps a second through the durable engine (claim and complete, each one transaction, with
// events and outbox) against single-row durable transactions of the same SQLite.
import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import path from "node:path";

import { PlanId } from "../../packages/contracts/src/index.ts";
import { testPlan, testStep } from "../../packages/contracts/src/testing/index.ts";
import { claimStep } from "../../services/orchestrator/src/job/claim-step.ts";
import { completeStep } from "../../services/orchestrator/src/job/end-step.ts";
import { dropMessage, messagesOf } from "../../services/orchestrator/src/testing/take-step.ts";
import { openTestEngine, storeApproved } from "../../services/orchestrator/src/testing/test-engine.ts";
import { compare } from "./measure.ts";
import type { Figure } from "./measure.ts";

const plans = 5;
const stepsPerPlan = 12;
const rawRows = 500;

function noOpPlan(n: number) {
  const steps = Array.from({ length: stepsPerPlan }, (_, index) =>
    testStep(`s${index}`, { action: "audit", needs: index === 0 ? [] : [`s${index - 1}`] }),
  );
  const id = PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
  return testPlan(steps, { id });
}

/** Steps a second: every message is taken, its step claimed and completed. */
async function engineRate(): Promise<number> {
  const engine = await openTestEngine();
  try {
    const ids = [];
    for (let n = 0; n < plans; n += 1) ids.push(await storeApproved(engine, noOpPlan(n)));
    const start = performance.now();
    let done = 0;
    for (const planId of ids) {
      for (let open = true; open;) {
        const messages = await messagesOf(engine, planId);
        open = false;
        for (const message of messages) {
          if (message.stepId === "plan.finish") continue;
          const claim = await claimStep(engine, message, "bench");
          await dropMessage(engine, message);
          if (claim === undefined) continue;
          await completeStep(engine, claim, { summary: "" });
          done += 1;
          open = true;
        }
      }
    }
    if (done !== plans * stepsPerPlan) throw new Error(`${done} steps were run instead of ${plans * stepsPerPlan}`);
    return (done / (performance.now() - start)) * 1000;
  } finally {
    await engine.remove();
  }
}

/** Transactions a second: one row each, with the same journal and synchronisation. */
function rawRate(): number {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-bench-"));
  const db = new DatabaseSync(path.join(folder, "raw.db"));
  try {
    db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) STRICT");
    const insert = db.prepare("INSERT INTO t (v) VALUES (?)");
    const start = performance.now();
    for (let n = 0; n < rawRows; n += 1) {
      db.exec("BEGIN IMMEDIATE");
      insert.run("x".repeat(200));
      db.exec("COMMIT");
    }
    return (rawRows / (performance.now() - start)) * 1000;
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

export function benchEngine(): Promise<Figure> {
  return compare({
    name: "engine.steps",
    unit: "per second",
    baselineName: "durable single-row transactions of the same SQLite",
    // Two transactions a step at the least.
    goal: { better: "higher", ratio: 0.15 },
    rounds: 5,
    measureOurs: engineRate,
    measureBaseline: rawRate,
  });
}
