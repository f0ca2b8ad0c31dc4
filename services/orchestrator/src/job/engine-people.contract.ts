// What people decide while plans run: approvals and cancels.
import type { ApprovalDecision } from "@ossaat/contracts";
import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { expect } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import type { ApprovalRow } from "../store/tables.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import type { CaseList } from "../testing/case-list.ts";
import type { EngineBench } from "../testing/engine-bench.ts";
import { benchWaitMs } from "../testing/engine-bench.ts";
import { eventsOf, planRowOf, statusesOf } from "../testing/look.ts";
import { messagesOf } from "../testing/take-step.ts";
import { noModels, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { widePlan } from "../testing/wide-plan.ts";
import { completeStep } from "./end-step.ts";
import { StepStopped } from "./worker.ts";

const asking = testPlan([testStep("a", { approvalRequired: true })]);
/** A race that is lost by chance proves nothing. */
const races = 6;

async function pendingOf({ store }: TestEngine): Promise<ApprovalRow> {
  const rows = await store.read.selectFrom("approval").selectAll().where("status", "=", "pending").execute();
  const [row] = rows;
  if (row === undefined || rows.length > 1) throw new Error(`${rows.length} requests are pending`);
  return row;
}

/** @returns how it was taken: `granted`, or the code of the error */
async function grant(engine: TestEngine, { id, request_hash: shown }: ApprovalRow, hash = shown): Promise<string> {
  const decision: ApprovalDecision = { decision: "approve", requestHash: hash, scope: "once" };
  return decideApproval(engine, { approvalId: id, tenantId: "local", decision, actor: user }).then(
    ({ status }) => status,
    (error: unknown) => (error as { code: string }).code,
  );
}

const cancel = (engine: TestEngine, planId: string) =>
  decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });

/** Stores the plan that asks, with a worker on it; resolves when nothing but the question is left of it. */
async function ask(bench: EngineBench): Promise<ApprovalRow> {
  await storeApproved(bench.engine, asking);
  bench.work();
  await bench.isEmpty();
  return pendingOf(bench.engine);
}

function testApprovals(cases: CaseList, current: () => EngineBench): void {
  cases.test("C33", async () => {
    const bench = current();
    const row = await ask(bench);
    expect(await messagesOf(bench.engine, asking.id)).toEqual([]);
    expect(await grant(bench.engine, row)).toBe("granted");
    await bench.ends(asking.id);
    expect(await bench.faultsOf(asking.id)).toEqual([]);
  });

  cases.test("C34", async () => {
    const bench = current();
    const row = await ask(bench);
    const answers = await Promise.all([grant(bench.engine, row), grant(bench.engine, row)]);
    await bench.ends(asking.id);
    answers.push(await grant(bench.engine, row));
    await bench.isEmpty();
    expect(answers).toEqual(["granted", "granted", "granted"]);
    const decided = (await eventsOf(bench.engine, asking.id)).filter((event) => event.startsWith("approval.decided"));
    expect([decided, await bench.startsOf(asking.id)]).toEqual([["approval.decided a"], ["a", "plan.finish"]]);
    expect(await bench.faultsOf(asking.id)).toEqual([]);
  });

  cases.test("C35", async () => {
    const bench = current();
    const row = await ask(bench);
    const before = await eventsOf(bench.engine, asking.id);
    expect(await grant(bench.engine, row, "e".repeat(64))).toBe("conflict");
    await bench.isEmpty();
    expect([await pendingOf(bench.engine), await eventsOf(bench.engine, asking.id)]).toEqual([row, before]);
    expect(await statusesOf(bench.engine, asking.id)).toEqual({ plan: "pending", a: "awaiting_approval" });
    expect(await grant(bench.engine, row)).toBe("granted");
    await bench.ends(asking.id);
    expect(await bench.faultsOf(asking.id)).toEqual([]);
  });
}

function testCancels(cases: CaseList, current: () => EngineBench): void {
  cases.test("C36", async () => {
    const bench = current();
    await storeApproved(bench.engine, widePlan);
    await cancel(bench.engine, widePlan.id);
    bench.work();
    await bench.isEmpty();
    await bench.ends(widePlan.id);
    const { plan } = await statusesOf(bench.engine, widePlan.id);
    expect([plan, await bench.startsOf(widePlan.id)]).toEqual(["cancelled", []]);
  });

  cases.test("C37", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, widePlan);
    const reasons: unknown[] = [];
    let running = 0;
    const work = async (_claim: unknown, signal: AbortSignal) => {
      running += 1;
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }).catch((error: unknown) => {
        reasons.push(error);
        throw error;
      });
    };
    bench.work(work, { heartbeatMs: 50 });
    await waitUntil("two steps run", () => running === 2, benchWaitMs);
    // The cancel reaches this worker by nothing but its heartbeat, and no grace is over.
    await cancel(engine, widePlan.id);
    await bench.ends(widePlan.id);
    expect(reasons).toEqual([new StepStopped("cancel"), new StepStopped("cancel")]);
    expect([...engine.stopped].sort()).toHaveLength(2);
    const statuses = await statusesOf(engine, widePlan.id);
    expect(statuses).toEqual({
      plan: "cancelled",
      ...Object.fromEntries(["a", "b", "c", "d"].map((id) => [id, "cancelled: cancelled"])),
    });
    expect(await auditPlan(engine, widePlan.id)).toEqual([]);
  });

  cases.test("C38", async () => {
    const bench = current();
    const { engine } = bench;
    const wins: string[] = [];
    bench.work(async (claim) => {
      if (claim.step.kind === "finish") return bench.finish(claim);
      const complete = () => completeStep(engine, claim, { summary: "done" });
      const first =
        wins.length % 2 === 0 ? [cancel(engine, claim.planId), complete()] : [complete(), cancel(engine, claim.planId)];
      await Promise.allSettled(first);
      const { a } = await statusesOf(engine, claim.planId);
      wins.push(a ?? "");
      // A step that lost has nothing left to write; one that won wrote it.
      if (a === "running") throw new StepStopped("cancel");
    });
    for (let n = 0; n < races; n += 1) {
      const planId = PlanId.parse(`plan-00000000-0000-4000-8000-${String(100 + n).padStart(12, "0")}`);
      await storeApproved(engine, testPlan([testStep("a")], { id: planId }));
      await bench.ends(planId);
      await waitUntil("both have had their answer", () => wins.length === n + 1, benchWaitMs);
      const ends = (await eventsOf(engine, planId)).filter((event) => event.startsWith("step.finished a"));
      const { status } = await planRowOf(engine, planId);
      expect([ends.length, ["cancelled", "succeeded"].includes(status), await auditPlan(engine, planId)]).toEqual([
        1,
        true,
        [],
      ]);
    }
    // Who completes before its lease is taken has won, whether the plan goes on or not.
    expect(wins).toEqual(Array.from({ length: races }, () => "succeeded"));
  });
}

export function testPeople(cases: CaseList, current: () => EngineBench): void {
  testApprovals(cases, current);
  testCancels(cases, current);
}
