// Steps that wait for room under a cap: none is lost, none runs beyond the cap, no message is kept going
// round, and what waits goes on without a sweep.
import { PlanId } from "@ossaat/contracts";
import type { SealedPlan } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createQueueParts } from "../compose/queue-parts.ts";
import type { QueueParts } from "../compose/queue-parts.ts";
import type { PlanOptions } from "../plan/create-plan.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf, statusesOf } from "../testing/look.ts";
import { endByLastStep, messagesOf } from "../testing/take-step.ts";
import { noModels, openTestEngine, planOptions, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { claimStep } from "./claim-step.ts";
import type { CapKind } from "./dispatch-rules.ts";
import { completeStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { createHeldSweep, releaseHeld } from "./release-held.ts";
import { lineOf } from "./running-caps.ts";
import { createWorker } from "./worker.ts";
import type { Worker } from "./worker.ts";

const pool = "default";
const maxWaitMs = 20_000;

let engine: TestEngine;
let parts: QueueParts;
let workers: Worker[];
/** Steps that run and were not let go, in the order of their starts, and how they go on. */
let running: Map<string, () => void>;
let started: string[];
let mostAtOnce: number;
beforeEach(async () => {
  engine = await openTestEngine();
  parts = createQueueParts(engine, { openQueue: undefined, slots: 2 });
  engine.wakeQueue = () => parts.wake();
  [workers, running, started, mostAtOnce] = [[], new Map(), [], 0];
});
afterEach(async () => {
  for (const go of running.values()) go();
  for (const worker of workers) await worker.stop();
  await parts.stop();
  await engine.remove();
});

const nameOf = ({ planId, stepId }: Claim) => `${planId.slice(-1)}.${stepId}`;

async function runUntilLetGo(claim: Claim): Promise<void> {
  const name = nameOf(claim);
  const until = new Promise<void>((go) => running.set(name, go));
  started.push(name);
  mostAtOnce = Math.max(mostAtOnce, running.size);
  await until;
  await end(claim);
}

const end = (claim: Claim) =>
  claim.step.kind === "finish"
    ? endByLastStep(engine, claim)
    : completeStep(engine, claim, { summary: "done", head: "h" });

function work({ slots = 4, runStep = runUntilLetGo } = {}): void {
  const workerId = `worker-${workers.length}`;
  const worker = createWorker({ engine, queue: parts.queue, runStep, workerId, pool, slots });
  workers.push(worker);
  worker.start();
}

function letGo(name: string): void {
  running.get(name)?.();
  running.delete(name);
}

const idOf = (n: number) => PlanId.parse(`plan-${String(n).padStart(8, "0")}`);
const planOf = (n: number, steps: readonly string[]) =>
  testPlan(
    steps.map((id) => testStep(id)),
    { id: idOf(n) },
  );
const approve = (plan: SealedPlan, options: Partial<PlanOptions> = {}) =>
  storeApproved(engine, plan, { ...planOptions(), ...options });
const messages = () => engine.store.read.selectFrom("outbox").select(["pool", "step_id"]).orderBy("pool").execute();
const held = (count: number) =>
  waitUntil(
    `${count} held, nothing else waits`,
    async () => {
      const rows = await messages();
      return rows.length === count && rows.every((row) => row.pool.startsWith("held:"));
    },
    maxWaitMs,
  );
const runs = (...names: string[]) =>
  waitUntil(`${names.join()} run`, () => [...running.keys()].sort().join() === names.join(), maxWaitMs);
const ended = (n: number) =>
  waitUntil("the plan ends", async () => (await planRowOf(engine, idOf(n))).finished_at !== null, maxWaitMs);

test.each<CapKind>(["tenant", "repository", "plan"])(
  "a step at the cap of its %s waits as ready, its message is settled, and it starts as soon as there is room",
  async (kind) => {
    engine.dispatch = { caps: { [kind]: 1 } };
    await approve(planOf(1, ["a", "b", "c"]));
    work();
    await held(2);
    const [first = ""] = started;
    expect([...running.keys()]).toEqual([first]);
    expect(Object.values(await statusesOf(engine, idOf(1))).sort()).toEqual(["ready", "ready", "running", "running"]);
    for (let n = 1; n <= 4; n += 1) {
      await waitUntil("the next one runs", () => started.length === n, maxWaitMs);
      letGo(started[n - 1] ?? "");
    }
    await ended(1);
    expect([mostAtOnce, started.length, started.at(-1)]).toEqual([1, 4, "1.plan.finish"]);
    expect([await auditPlan(engine, idOf(1)), await messages()]).toEqual([[], []]);
  },
);

test("a cap counts those it is about and no others", async () => {
  const elsewhere = { ...planOptions().repository, path: "/other" };
  engine.dispatch = { caps: { plan: 1, repository: 2, tenant: 3 } };
  work({ slots: 9 });
  await approve(planOf(1, ["a", "b"]));
  await held(1);
  await approve(planOf(2, ["a"]));
  const [first = ""] = started;
  await runs(first, "2.a");
  await approve(planOf(3, ["a"]));
  await held(2);
  await approve(planOf(4, ["a"]), { repository: elsewhere });
  await runs(first, "2.a", "4.a");
  await approve(planOf(5, ["a"]), { repository: elsewhere });
  await held(3);
  engine.clock.advance(1);
  await approve(planOf(6, ["a"]), { tenantId: "another" });
  await runs(first, "2.a", "4.a", "6.a");
  const lines = (await messages()).map(({ pool: line }) => line);
  expect(lines).toEqual(["held:plan:plan-00000001", "held:repository:local:/repo", "held:tenant:local"]);
  letGo("4.a");
  await waitUntil("what is older goes first", () => running.size === 4 && !running.has("4.a"), maxWaitMs);
  expect([...running.keys()].sort()).toEqual([first, "2.a", "5.a", "6.a"]);
});

test("however many claim at once, no more run than the cap says, and all get their turn", async () => {
  engine.dispatch = { caps: { tenant: 2 } };
  const plans = [1, 2, 3, 4];
  const most = { running: 0 };
  const runStep = async (claim: Claim) => {
    const rows = await engine.store.read.selectFrom("step").select("step_id").where("status", "=", "running").execute();
    most.running = Math.max(most.running, rows.length);
    await end(claim);
  };
  for (const n of plans) await approve(planOf(n, ["a", "b", "c", "d", "e"]));
  for (let n = 0; n < 3; n += 1) work({ slots: 4, runStep });
  for (const n of plans) await ended(n);
  expect([most.running, await messages()]).toEqual([2, []]);
  for (const n of plans) expect(await auditPlan(engine, idOf(n))).toEqual([]);
});

test("what waits at a cap goes by priority, then by age", async () => {
  engine.dispatch = { caps: { tenant: 1 } };
  await approve(planOf(1, ["a"]));
  work();
  await runs("1.a");
  await approve(planOf(2, ["a"]), { priority: "low" });
  engine.clock.advance(1);
  await approve(planOf(3, ["a"]));
  engine.clock.advance(1);
  await approve(planOf(4, ["a"]));
  engine.clock.advance(1);
  await approve(planOf(5, ["a"]), { priority: "high" });
  await held(4);
  for (let n = 1; started.length < 9; n += 1) {
    await waitUntil("the next one runs", () => started.length >= n && running.size === 1, maxWaitMs);
    letGo(started[n - 1] ?? "");
  }
  const starts = started.filter((name) => name.endsWith(".a"));
  expect(starts).toEqual(["1.a", "5.a", "3.a", "4.a", "2.a"]);
});

test("a plan that is cancelled leaves nothing in a line", async () => {
  engine.dispatch = { caps: { tenant: 1 } };
  await approve(planOf(1, ["a"]));
  work();
  await runs("1.a");
  await approve(planOf(2, ["a", "b"]));
  await held(2);
  await decidePlan({ engine, models: noModels }, { planId: idOf(2), decision: { decision: "cancel" }, actor: user });
  expect([(await planRowOf(engine, idOf(2))).status, await messages()]).toEqual(["cancelled", []]);
});

test("a sweep lets out what nobody woke, and what waits for a cap that is gone", async () => {
  engine.dispatch = { caps: { tenant: 1 } };
  await approve(planOf(1, ["a"]));
  await approve(planOf(2, ["a"]));
  work();
  await held(1);
  const sweep = createHeldSweep(engine);
  await sweep();
  await held(1);
  engine.dispatch = undefined;
  await sweep();
  await waitUntil("both run", () => running.size === 2, maxWaitMs);
  expect(await messages()).toEqual([]);
});

test("a sweep over lines without room asks the database a few things, however many there are", async () => {
  engine.dispatch = { caps: { plan: 1 } };
  const ids = Array.from({ length: 30 }, (_, n) => n + 1);
  for (const n of ids) await approve(planOf(n, ["a", "b"]));
  for (const n of ids) {
    for (const message of await messagesOf(engine, idOf(n))) await claimStep(engine, message, "worker-1");
  }
  expect((await messages()).filter((message) => message.pool !== pool)).toHaveLength(ids.length);
  let asked = 0;
  const read = engine.store.read.withPlugin({
    transformQuery: ({ node }) => ((asked += 1), node),
    transformResult: ({ result }) => Promise.resolve(result),
  });
  const sweep = createHeldSweep({ ...engine, store: { ...engine.store, read } });
  await sweep();
  expect(asked).toBeLessThanOrEqual(3);
  // And it sees the one that has room.
  await engine.store.tx((tx) =>
    tx
      .updateTable("step")
      .set({ status: "succeeded" })
      .where("plan_id", "=", idOf(17))
      .where("status", "=", "running")
      .execute(),
  );
  await sweep();
  const letOut = engine.store.read.selectFrom("outbox").select("plan_id").where("pool", "=", pool);
  expect(await letOut.execute()).toEqual([{ plan_id: idOf(17) }]);
});

test("what waits at a cap takes its room before a backlog that came later, and leaves it to one that came before", async () => {
  engine.dispatch = { caps: { tenant: 2 } };
  for (const n of [1, 2, 3, 4, 5]) {
    await approve(planOf(n, ["a"]));
    engine.clock.advance(1);
  }
  const hold = async (n: number) => {
    const line = lineOf("tenant", await planRowOf(engine, idOf(n)));
    await engine.store.tx((tx) =>
      tx.updateTable("outbox").set({ pool: line }).where("plan_id", "=", idOf(n)).execute(),
    );
    return line;
  };
  const inLine = async () => (await messages()).filter((message) => message.pool !== pool).length;
  await hold(1);
  await releaseHeld(engine, await planRowOf(engine, idOf(1)));
  expect(await inLine()).toBe(0);
  await hold(4);
  await releaseHeld(engine, await planRowOf(engine, idOf(4)));
  expect(await inLine()).toBe(1);
});

test("a message whose step does not wait any more is dropped and takes no room", async () => {
  engine.dispatch = { caps: { tenant: 1 } };
  await approve(planOf(1, ["a"]));
  work();
  await runs("1.a");
  await approve(planOf(2, ["a"]));
  engine.clock.advance(1);
  await approve(planOf(3, ["a"]));
  await held(2);
  engine.clock.advance(1);
  const gone = { status: "blocked" as const };
  await engine.store.tx((tx) => tx.updateTable("step").set(gone).where("plan_id", "=", idOf(2)).execute());
  letGo("1.a");
  for (const name of ["3.a", "1.plan.finish"]) {
    await runs(name);
    engine.clock.advance(1);
    letGo(name);
  }
  expect(started).not.toContain("2.a");
});
