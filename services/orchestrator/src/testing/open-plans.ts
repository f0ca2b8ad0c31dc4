// A thousand plans as a process may leave them behind, and what must have become of each.
import { PlanId } from "@ossaat/contracts";
import { testPlan, testPlanId, testStep } from "@ossaat/contracts/testing";
import { expect } from "vitest";

import { failStep } from "../job/end-step.ts";
import { jobEngineLimits } from "../job/limits.ts";
import type { Tables } from "../store/tables.ts";
import { auditPlan } from "./audit-plan.ts";
import { messagesOf, takeStep } from "./take-step.ts";
import { storeApproved } from "./test-engine.ts";
import type { TestEngine } from "./test-engine.ts";

/** Plans in which something goes on, of each kind; most that are open wait for a person. */
const goingEach = 30;
const asking = 880;
/** Rows of one statement: a database takes a limited number of values. */
const rowsAtOnce = 400;

const planIdOf = (n: number) => PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);

/** Makes one plan of a kind, as a process left it. */
type Make = (engine: TestEngine, planId: PlanId) => Promise<void>;

const store = (engine: TestEngine, planId: PlanId, approvalRequired = false) =>
  storeApproved(engine, testPlan([testStep("a", { approvalRequired })], { id: planId }));

const announced: Make = async (engine, planId) => void (await store(engine, planId));

const forgotten: Make = async (engine, planId) => {
  await store(engine, planId);
  await engine.store.tx((tx) => tx.deleteFrom("outbox").where("plan_id", "=", planId).execute());
};

const leased: Make = async (engine, planId) => {
  await store(engine, planId);
  await takeStep(engine, planId, "a", "worker-dead");
};

const backedOff: Make = async (engine, planId) => {
  await store(engine, planId);
  const claim = await takeStep(engine, planId, "a", "worker-dead");
  await failStep(engine, claim, { reason: "internal", code: "internal", message: "not yet", retryable: true });
};

const asked: Make = async (engine, planId) => void (await store(engine, planId, true));

const tables = ["plan", "step", "step_dep", "attempt", "approval", "event", "timer", "outbox"] as const;
type Rows = { [T in (typeof tables)[number]]: Tables[T][] };

async function rowsOf({ store: { read } }: TestEngine, planId: string): Promise<Rows> {
  const rows = {} as Record<string, object[]>;
  for (const table of tables) {
    const query = read.selectFrom(table as "step").selectAll();
    rows[table] = await query.where((table === "plan" ? "id" : "plan_id") as "plan_id", "=", planId).execute();
  }
  return rows as Rows;
}

/** The same rows of another plan: its id, and ids of their own, stand wherever the first one's stood. */
function copyOf(rows: Rows, planId: string, n: number): Rows {
  const text = JSON.stringify(rows).replaceAll(rows.plan[0]?.id ?? testPlanId, planId);
  const copy = JSON.parse(text) as Rows;
  const ids = [...copy.timer, ...copy.outbox, ...copy.approval].map(({ id }) => id);
  return JSON.parse(
    ids.reduce(
      (all, id) => all.replaceAll(id, `${id.slice(0, -6)}${String(n).padStart(6, "0")}`),
      JSON.stringify(copy),
    ),
  ) as Rows;
}

export type OpenPlans = { going: PlanId[]; asking: PlanId[] };

/** Stores them, as of a minute ago. */
export async function storeOpenPlans(engine: TestEngine): Promise<OpenPlans> {
  const plans: OpenPlans = { going: [], asking: [] };
  const rows: Rows = { plan: [], step: [], step_dep: [], attempt: [], approval: [], event: [], timer: [], outbox: [] };
  let made = 0;
  for (const make of [announced, forgotten, leased, backedOff, asked]) {
    const ids = Array.from({ length: make === asked ? asking : goingEach }, (_, n) => planIdOf(made + 1 + n));
    const [first] = ids;
    if (first === undefined) continue;
    await make(engine, first);
    const template = await rowsOf(engine, first);
    plans[make === asked ? "asking" : "going"].push(...ids);
    for (const id of ids.slice(1)) {
      const copy = copyOf(template, id, 500_000 + made);
      made += 1;
      for (const table of tables) (rows[table] as object[]).push(...copy[table]);
    }
    made += 1;
  }
  await engine.store.tx(async (tx) => {
    for (const table of tables) {
      for (let from = 0; from < rows[table].length; from += rowsAtOnce) {
        await tx
          .insertInto(table as "step")
          .values(rows[table].slice(from, from + rowsAtOnce) as never)
          .execute();
      }
    }
  });
  engine.clock.advance(60_000 + jobEngineLimits.maxBackoffMs);
  return plans;
}

/** Those that could go on have ended well, one step and its finish each; those that wait for a person still do. */
export async function expectOpenPlansSound(engine: TestEngine, { going, asking }: OpenPlans): Promise<void> {
  const { read } = engine.store;
  const counts = await read
    .selectFrom("plan")
    .innerJoin("step", "step.plan_id", "plan.id")
    .select(["plan.status as plan", "step.step_id as step", "step.status as status"])
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .groupBy(["plan.status", "step.step_id", "step.status"])
    .orderBy("plan.status")
    .orderBy("step.step_id")
    .execute();
  expect(counts).toEqual([
    { plan: "pending", step: "a", status: "awaiting_approval", count: asking.length },
    { plan: "succeeded", step: "a", status: "succeeded", count: going.length },
    { plan: "succeeded", step: "plan.finish", status: "succeeded", count: going.length },
  ]);
  const pending = await read.selectFrom("approval").select("plan_id").where("status", "=", "pending").execute();
  expect(pending.map(({ plan_id: id }) => id).sort()).toEqual([...asking].sort());
  // One of each kind and its copies in full; the counts are of all.
  for (const planId of going.filter((_, n) => n % 10 === 7)) expect(await auditPlan(engine, planId)).toEqual([]);
  for (const planId of asking.slice(0, 3)) expect(await messagesOf(engine, planId)).toEqual([]);
}
