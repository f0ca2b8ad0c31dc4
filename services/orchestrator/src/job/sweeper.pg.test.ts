// The sweepers of two replicas on one database: what one does, the other leaves alone.
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { openPostgresStore } from "../store/adapters/postgres.ts";
import type { Store } from "../store/store.ts";
import { createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import type { Engine } from "./engine.ts";
import { createSweeper } from "./sweeper.ts";

const plan = testPlan([testStep("a")]);

let database: TestDatabase;
let base: TestEngine;
let stores: Store[];
beforeEach(async () => {
  database = await createTestDatabase();
  base = await openTestEngine();
  stores = [await openPostgresStore({ url: database.url }), await openPostgresStore({ url: database.url })];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await base.remove();
  await database.drop();
});

/** An engine over one of the stores, and how many transactions it began. */
function replica(n: number): { engine: Engine; begun(): number; die(): void } {
  const store = stores[n]!;
  let [begun, isDead] = [0, false];
  const never = () => new Promise<never>(() => undefined);
  const tx: Store["tx"] = (work) => {
    if (isDead) return never();
    begun += 1;
    return store.tx(work);
  };
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const engine = { ...base, clock, store: { ...store, tx } };
  return { engine, begun: () => begun, die: () => (isDead = true) };
}

const timer = (n: number) => ({
  id: `t${String(n).padStart(4, "0")}`,
  plan_id: plan.id,
  step_id: "a",
  kind: "retry" as const,
  ref: "",
  due_at: n,
});
const ring = (...ns: number[]) => stores[0]!.tx((tx) => tx.insertInto("timer").values(ns.map(timer)).execute());
const areRung = async () => (await stores[0]!.read.selectFrom("timer").select("id").execute()).length === 0;

test("each timer that is due costs one transaction, however many replicas there are", async () => {
  const [first, second] = [replica(0), replica(1)];
  await storeApproved(first.engine, plan);
  // The plan's own end is not due.
  await stores[0]!.tx((tx) => tx.deleteFrom("timer").execute());
  const count = 90;
  await ring(...Array.from({ length: count }, (_, n) => n));
  const before = first.begun() + second.begun();
  const sweepers = [first, second].map(({ engine }) => createSweeper(engine));
  for (const sweeper of sweepers) sweeper.start();
  await waitUntil("all rang", areRung);
  // With a few for whose turn it is.
  expect(first.begun() + second.begun() - before).toBeLessThan(count + 30);
  for (const sweeper of sweepers) await sweeper.stop();
});

test("timers go on ringing after the replica whose turn it was is dead", async () => {
  const [first, second] = [replica(0), replica(1)];
  await storeApproved(first.engine, plan);
  await stores[0]!.tx((tx) => tx.deleteFrom("timer").execute());
  const sweepers = [first, second].map(({ engine }) => createSweeper(engine));
  const [one, other] = sweepers;
  one!.start();
  await ring(1);
  await waitUntil("it rang", areRung);
  other!.start();
  first.die();
  await ring(2);
  await waitUntil("it rang", areRung);
  expect(await areRung()).toBe(true);
  await other!.stop();
});
