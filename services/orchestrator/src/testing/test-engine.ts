// An engine over a real database in a temporary folder, with time, ids and chance in hand.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Actor, Budget, PlanId, SealedPlan } from "@ossaat/contracts";
import { testCommit } from "@ossaat/contracts/testing";

import { createFileArtifacts } from "../artifact/adapters/files.ts";
import { createEventBus } from "../event/event-bus.ts";
import { changePlan, systemActor } from "../job/engine.ts";
import type { Engine } from "../job/engine.ts";
import { insertPlan } from "../plan/create-plan.ts";
import type { PlanOptions } from "../plan/create-plan.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { putRevision } from "../plan/put-revision.ts";
import type { Models } from "../provider/models.ts";
import { countingIds, manualClock, seededRng } from "./manual-clock.ts";
import type { ManualClock } from "./manual-clock.ts";
import { chosenTestStore } from "./test-store.ts";
import type { StorePlace, TestStoreKind } from "./test-store.ts";

export type LogLine = { level: "info" | "warn" | "error"; fields: object; message: string };

export type TestEngine = Engine & {
  clock: ManualClock;
  folder: string;
  /** What was logged. */
  lines: LogLine[];
  /** Steps that were asked to stop, as `plan/step`. */
  stopped: string[];
  /** Closes the store, lets another process have it, and opens it again. */
  lendStore<T>(work: (place: StorePlace) => Promise<T>): Promise<T>;
  remove(): Promise<void>;
};

export const user: Actor = { kind: "user", id: "ann" };

/** Models of tests that ask none. */
export const noModels: Models = {
  defaultRef: () => null,
  resolve: (ref) => Promise.reject(new Error(`no model ${ref} in this test`)),
};

export async function openTestEngine(store: TestStoreKind = chosenTestStore()): Promise<TestEngine> {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-engine-"));
  const clock = manualClock();
  const opened = await store.open({ folder, clock });
  const lines: LogLine[] = [];
  const stopped: string[] = [];
  const log = (level: LogLine["level"]) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  const engine: TestEngine = {
    store: opened.store,
    clock,
    ids: countingIds(),
    rng: seededRng(1),
    bus: createEventBus(),
    artifacts: createFileArtifacts(path.join(folder, "artifacts")),
    log: { info: log("info"), warn: log("warn"), error: log("error") },
    wakeQueue: () => undefined,
    signalCancel: (planId, stepId) => void stopped.push(`${planId}/${stepId}`),
    folder,
    lines,
    stopped,
    async lendStore(work) {
      await engine.store.close();
      try {
        return await work(opened.place);
      } finally {
        engine.store = await opened.reopen();
      }
    },
    remove: async () => {
      await opened.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return engine;
}

export function planOptions(budget: Budget = {}): PlanOptions {
  return {
    goal: "Make it better",
    repository: { path: "/repo", branch: "main", baseCommit: testCommit, dirtyPaths: 0 },
    model: "scripted:file",
    scripted: true,
    sandbox: "none",
    budget,
    tenantId: "local",
  };
}

/** Stores a plan that waits for its approval, as a planner would have left it. */
export async function storeProposal(
  engine: Engine,
  plan: SealedPlan,
  options: PlanOptions = planOptions(plan.budget),
): Promise<PlanId> {
  const planId = plan.id;
  await engine.store.tx((tx) => insertPlan(engine, tx, { planId, options, actor: user, now: engine.clock.now() }));
  await changePlan(engine, { planId, actor: systemActor }, async (change) => {
    await putRevision(change, { plan, origin: "planner" });
    await change.tx.updateTable("plan").set({ status: "awaiting_approval" }).where("id", "=", planId).execute();
  });
  return planId;
}

/** Stores a plan and approves it. */
export async function storeApproved(engine: Engine, plan: SealedPlan, options?: PlanOptions): Promise<PlanId> {
  const planId = await storeProposal(engine, plan, options);
  const decision = { decision: "approve", planHash: plan.planHash } as const;
  await decidePlan({ engine, models: noModels }, { planId, decision, actor: user });
  return planId;
}
