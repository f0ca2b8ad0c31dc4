// Two replicas on one database, with connections of their own, that do the same at the same time.
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { PlanId, finishStepId } from "@ossaat/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { readEvents } from "../event/read-events.ts";
import { createPlan } from "../plan/create-plan.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { openPostgresStore } from "../store/adapters/postgres.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { askPostgres, createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { endByLastStep, messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, planOptions, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { reserve } from "./budget.ts";
import { changeClaimed, claimStep, isClaim, heartbeat } from "./claim-step.ts";
import { completeStep } from "./end-step.ts";
import { changePlan, systemActor } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepLeases, sweepTimers } from "./sweep.ts";

/** Each race is run so often, because one that is lost by chance proves nothing. */
const rounds = 8;

let database: TestDatabase;
let base: TestEngine;
let first: TestEngine;
let second: TestEngine;
beforeAll(async () => {
  database = await createTestDatabase();
  base = await openTestEngine();
  // NOTE: time is in the test's hand, but where a test says that the server's own clock rules.
  const open = () => openPostgresStore({ url: database.url, leaseClock: base.clock });
  first = { ...base, store: await open() };
  second = { ...base, store: await open() };
});
afterAll(async () => {
  await first.store.close();
  await second.store.close();
  await base.remove();
  await database.drop();
});
beforeEach(() => base.lines.splice(0));

const commit = "a".repeat(40);
const repository = { root: "/repo", baseCommit: commit, headCommit: commit, dirtyPaths: 0 };
const nextPlanId = () => PlanId.parse(`plan-${base.ids.uuid()}`);
const twoAndOne = () =>
  testPlan([testStep("a"), testStep("b", { action: "audit" }), testStep("c", { needs: ["a", "b"] })], {
    id: nextPlanId(),
  });
const engines = () => [first, second] as const;
const both = <T>(work: (engine: TestEngine, n: number) => Promise<T>) =>
  Promise.allSettled(engines().map((engine, n) => work(engine, n)));
const ends = (answers: readonly PromiseSettledResult<unknown>[]) => answers.map(({ status }) => status).sort();

describe("two replicas at once", () => {
  test("claim no more steps than a cap lets run", async () => {
    const capped = engines().map((engine) => ({ ...engine, dispatch: { caps: { tenant: 1 } } }));
    for (let round = 0; round < rounds; round += 1) {
      const ids = [nextPlanId(), nextPlanId()];
      for (const id of ids) await storeApproved(first, testPlan([testStep("a")], { id }));
      const messages = (await Promise.all(ids.map((id) => messagesOf(first, id)))).flat();
      const claims = await Promise.all(
        messages.map((message, n) => claimStep(capped[n % 2] ?? first, message, `worker-${n}`)),
      );
      const [claim, ...more] = claims.filter(isClaim);
      expect([claim === undefined, more.length]).toEqual([false, 0]);
      if (claim !== undefined) await completeStep(first, claim, { summary: "done", head: "h" });
      for (const id of ids) {
        const decision = { decision: "cancel" } as const;
        await decidePlan({ engine: first, models: noModels }, { planId: id, decision, actor: user });
      }
    }
  });

  test("the same command sent to both makes one plan, and both answer with it", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const send = (engine: TestEngine) =>
        createPlan(
          {
            engine,
            models: noModels,
            workspaces: {
              inspect: () => Promise.resolve(repository),
            },
            sandbox: "none",
          },
          {
            request: { goal: "Once", repository: { path: "/repo" }, model: "none" },
            tenantId: "local",
            actor: user,
            idempotencyKey: `key-${round}`,
          },
        );
      const answers = await Promise.all([send(first), send(second), send(first), send(second)]);
      expect(new Set(answers.map(({ planId }) => planId)).size).toBe(1);
    }
    const plans = await first.store.read.selectFrom("plan").select("id").where("goal", "=", "Once").execute();
    expect(plans).toHaveLength(rounds);
  });

  test("a message that both got is claimed by one", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const planId = await storeApproved(first, testPlan([testStep("a")], { id: nextPlanId() }));
      const [message] = await messagesOf(first, planId);
      const claims = await Promise.all(
        [first, second, first, second].map((engine, n) => claimStep(engine, message!, `worker-${n}`)),
      );
      expect(claims.filter(isClaim)).toHaveLength(1);
      expect(await stepRowOf(first, planId, "a")).toMatchObject({ status: "running", fence: 1 });
    }
  });

  test("the last two needs of a step that end at once make it ready, once", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const planId = await storeApproved(first, twoAndOne());
      const claims = [await takeStep(first, planId, "a"), await takeStep(second, planId, "b")];
      await Promise.all(engines().map((engine, n) => completeStep(engine, claims[n]!, { summary: "done" })));
      expect(await statusesOf(first, planId)).toEqual({ plan: "running", a: "succeeded", b: "succeeded", c: "ready" });
      expect((await messagesOf(first, planId)).map(({ stepId }) => stepId)).toEqual(["c"]);
      await completeStep(second, await takeStep(first, planId, "c"), { summary: "done" });
      await endByLastStep(second, await takeStep(second, planId, finishStepId));
      expect(await auditPlan(first, planId)).toEqual([]);
    }
  });

  test("events of twenty writers have no gap and no double, in the order a reader sees them", async () => {
    const planId = await storeApproved(first, testPlan([testStep("a")], { id: nextPlanId() }));
    const before = (await planRowOf(first, planId)).next_seq;
    const stop = new AbortController();
    const seen: number[] = [];
    const reader = (async () => {
      while (!stop.signal.aborted) {
        const page = await readEvents(second.store.read, planId, { afterSeq: seen.at(-1) ?? before - 1 });
        seen.push(...page.map(({ seq }) => seq));
      }
    })();
    const note = (engine: TestEngine) =>
      changePlan(engine, { planId, actor: systemActor }, (change) =>
        change.append({ type: "plan.paused", data: {} }, { type: "plan.resumed", data: {} }),
      );
    await Promise.all(Array.from({ length: 20 }, (_, n) => note(n % 2 === 0 ? first : second)));
    stop.abort();
    await reader;
    const all = (await readEvents(first.store.read, planId, { afterSeq: before - 1 })).map(({ seq }) => seq);
    expect(all).toEqual(Array.from({ length: 40 }, (_, n) => before + n));
    // A reader that tails by the number skips nothing: what it saw is the log's begin.
    expect(seen).toEqual(all.slice(0, seen.length));
  });

  test("a budget that has room for one turn gives it to one", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const budget = { maxTokens: 100 };
      const planId = await storeApproved(
        first,
        testPlan([testStep("a"), testStep("b", { action: "audit" })], { id: nextPlanId() }),
        planOptions(budget),
      );
      const claims = [await takeStep(first, planId, "a"), await takeStep(second, planId, "b")];
      const answers = await both((engine, n) =>
        changeClaimed(engine, claims[n]!, ({ tx, plan }) =>
          reserve(tx, { plan, stepId: claims[n]!.stepId, budget, reservation: { tokens: 60, costUsd: null } }),
        ),
      );
      expect(ends(answers)).toEqual(["fulfilled", "rejected"]);
      expect((await planRowOf(first, planId)).reserved_tokens).toBe(60);
    }
  });

  test("of two people who decide otherwise at once, one is told that it is decided", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const step = testStep("a", { approvalRequired: true });
      const planId = await storeApproved(first, testPlan([step], { id: nextPlanId() }));
      const asked = await first.store.read
        .selectFrom("approval")
        .selectAll()
        .where("plan_id", "=", planId)
        .executeTakeFirstOrThrow();
      const { id: approvalId, request_hash: requestHash } = asked;
      const answers = await both((engine, n) =>
        decideApproval(engine, {
          approvalId,
          tenantId: "local",
          actor: user,
          decision: n === 0 ? { decision: "approve", requestHash, scope: "once" } : { decision: "deny", requestHash },
        }),
      );
      expect(ends(answers)).toEqual(["fulfilled", "rejected"]);
      const events = await readEvents(first.store.read, planId);
      expect(events.filter(({ type }) => type === "approval.decided")).toHaveLength(1);
    }
  });

  test("a plan that is approved twice and cancelled at once is in one state, with one log", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const planId = await storeApproved(first, twoAndOne());
      await both((engine, n) =>
        decidePlan(
          { engine, models: noModels },
          { planId, actor: user, decision: n === 0 ? { decision: "cancel" } : { decision: "pause" } },
        ),
      );
      expect((await planRowOf(first, planId)).status).toBe("cancelled");
      expect(await auditPlan(first, planId)).toEqual([]);
    }
  });

  test("both sweep: a lease is lost once, a timer rings once, a message is written once", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const planId = await storeApproved(first, testPlan([testStep("a")], { id: nextPlanId() }));
      await takeStep(first, planId, "a");
      base.clock.advance(jobEngineLimits.leaseMs + 1);
      await both((engine) => sweepLeases(engine));
      expect(await stepRowOf(first, planId, "a")).toMatchObject({ status: "backoff", lost_count: 1, attempt: 2 });
      await both((engine) => sweepTimers(engine));
      expect(await stepRowOf(first, planId, "a")).toMatchObject({ status: "ready", attempt: 2 });
      await first.store.tx((tx) => tx.deleteFrom("outbox").where("plan_id", "=", planId).execute());
      await both((engine) => reemitReady(engine, 0));
      expect(await messagesOf(first, planId)).toHaveLength(1);
      await decidePlan({ engine: first, models: noModels }, { planId, actor: user, decision: { decision: "cancel" } });
    }
    expect(base.lines).toEqual([]);
  });

  test("a lease that is renewed while another replica sweeps is kept", async () => {
    const planId = await storeApproved(first, testPlan([testStep("a")], { id: nextPlanId() }));
    const claim = await takeStep(first, planId, "a");
    base.clock.advance(jobEngineLimits.leaseMs + 1);
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const { promise: swept, resolve: sweep } = Promise.withResolvers<void>();
    // The sweep has seen the old lease and waits for the plan; the worker renews in between.
    const busy = first.store.tx(async (tx) => {
      await tx.selectFrom("plan").select("id").where("id", "=", planId).forUpdate().execute();
      hold();
      await swept;
    });
    await held;
    const sweeping = sweepLeases(second);
    await waitForLock(planId);
    expect(await heartbeat(first, claim)).toBe("kept");
    sweep();
    await Promise.all([busy, sweeping]);
    expect(await stepRowOf(first, planId, "a")).toMatchObject({ status: "running", fence: claim.fence });
  });
});

/** Until somebody waits for a row that another transaction holds. */
async function waitForLock(planId: string): Promise<void> {
  for (let look = 0; look < 1_000; look += 1) {
    const waiting = await askPostgres(
      database.url,
      "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    if (waiting.length > 0) return;
  }
  throw new Error(`nobody waits for ${planId}`);
}

test("the server's clock rules leases: a replica whose clock is an hour ahead takes none from the living", async () => {
  const own = await openPostgresStore({ url: database.url });
  const ahead = { ...second, store: own, clock: { ...base.clock, now: () => Date.now() + 3_600_000 } };
  const here = { ...first, store: own };
  const planId = await storeApproved(here, testPlan([testStep("a")], { id: nextPlanId() }));
  const claim = await takeStep(here, planId, "a");
  await sweepLeases(ahead);
  expect(await heartbeat(here, claim)).toBe("kept");
  const { lease_until: until } = await stepRowOf(here, planId, "a");
  const [clock] = await askPostgres(database.url, "select extract(epoch from clock_timestamp()) * 1000 as now");
  const left = (until ?? 0) - Number(clock?.["now"]);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(jobEngineLimits.leaseMs);
  await askPostgres(database.url, `update step set lease_until = lease_until - 60000 where plan_id = '${planId}'`);
  await sweepLeases(ahead);
  expect(await heartbeat(here, claim)).toBe("lost");
  await own.close();
});
