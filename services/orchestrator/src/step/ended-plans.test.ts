// Clearing up after many plans, and past one whose removal never comes back.
import path from "node:path";

import { PlanId } from "@ossaat/contracts";
import type { PlanStatus, WorkspaceService } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createCleaner, createSweeper } from "../job/sweeper.ts";
import { planRow } from "../testing/rows.ts";
import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createFileTurnJournal } from "./adapters/file-turn-journal.ts";
import { createStoreTurnJournal } from "./adapters/store-turn-journal.ts";
import { clearEnded } from "./clear-ended.ts";
import type { ClearDeps } from "./clear-ended.ts";
import type { TurnJournal } from "./turn-journal.ts";

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const planIdOf = (n: number) => PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
async function storePlans(journal: TurnJournal, statuses: readonly PlanStatus[]): Promise<PlanId[]> {
  const ids = statuses.map((_, n) => planIdOf(n));
  await engine.store.tx(async (tx) => {
    for (const [n, status] of statuses.entries()) {
      await tx
        .insertInto("plan")
        .values(planRow(planIdOf(n), { status, finished_at: 0 }))
        .execute();
    }
  });
  for (const planId of ids) await (await journal.begin({ planId, stepId: "a", turn: 1 })).close();
  return ids;
}
type Remove = WorkspaceService["remove"];
const depsOf = (journal: TurnJournal, remove: Remove): ClearDeps =>
  ({ engine, journal, workspaces: { remove } }) as unknown as ClearDeps;
const never: Remove = () => new Promise(() => undefined);

/** Counts the statements outside of transactions. */
function countReads(): () => number {
  let count = 0;
  const { store } = engine;
  const read = store.read.withPlugin({
    transformQuery: ({ node }) => {
      count += 1;
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  });
  engine.store = { ...store, read };
  return () => count;
}

describe.each([
  ["files", () => createFileTurnJournal(path.join(engine.folder, "turns"))],
  ["the database", () => createStoreTurnJournal(engine.store)],
])("with turns in %s", (_name, createJournal) => {
  test("one statement finds what has ended, however many plans have not", async () => {
    const journal = createJournal();
    const open = Array.from({ length: 30 }, (): PlanStatus => "running");
    const ids = await storePlans(journal, [...open, "succeeded", "failed"]);
    const reads = countReads();
    const removed: string[] = [];
    await clearEnded(depsOf(journal, ({ planId }) => Promise.resolve(void removed.push(planId))));
    const used = reads();
    expect([used, removed, (await journal.plans()).sort()]).toEqual([1, [planIdOf(30)], ids.slice(0, 30)]);
  });
});

test("a removal that never comes back keeps no other plan waiting for longer than its limit", async () => {
  const journal = createStoreTurnJournal(engine.store);
  const [stuck, next] = await storePlans(journal, ["succeeded", "succeeded"]);
  const remove: Remove = (request, options) => (request.planId === stuck ? never(request, options) : Promise.resolve());
  await clearEnded({ ...depsOf(journal, remove), removeMs: 50 });
  expect([await journal.plans(), engine.lines.map(({ message }) => message), next]).toEqual([
    [stuck],
    ["working trees were not removed"],
    planIdOf(1),
  ]);
});

test("a removal that never comes back stops neither timers nor the end of the process", async () => {
  const journal = createStoreTurnJournal(engine.store);
  await storePlans(journal, ["succeeded", "running"]);
  const timer = { id: "1", plan_id: planIdOf(1), step_id: "a", kind: "retry" as const, ref: "", due_at: 0 };
  let isHanging = false;
  const deps = depsOf(journal, (request, options) => {
    isHanging = true;
    return never(request, options);
  });
  const cleaner = createCleaner(engine, [(signal) => clearEnded(deps, signal)]);
  const sweeper = createSweeper(engine);
  cleaner.start();
  await waitUntil("it hangs", () => isHanging);
  await engine.store.tx((tx) => tx.insertInto("timer").values(timer).execute());
  sweeper.start();
  await waitUntil("the timer rang", async () => {
    return (await engine.store.read.selectFrom("timer").select("id").execute()).length === 0;
  });
  await Promise.all([sweeper.stop(), cleaner.stop()]);
  expect(await journal.plans()).toContain(planIdOf(0));
});
