import { AgentError } from "@ossaat/contracts";
import type { CreatePlanRequest, RepositoryInfo, WorkspaceService } from "@ossaat/contracts";
import { testCommit } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readEvents, readPlanState } from "../event/read-events.ts";
import type { Models } from "../provider/models.ts";
import { eventsOf, statusesOf } from "../testing/look.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { createPlan } from "./create-plan.ts";
import { decidePlan } from "./decide-plan.ts";
import { planFeatureLimits } from "./limits.ts";
import { getPlanState, listPlans, requirePlan } from "./read-plan.ts";
import { retryPlan } from "./retry-plan.ts";

const models: Models = {
  defaultRef: () => null,
  resolve: (ref) =>
    ["openai/m", "scripted:demo"].includes(ref)
      ? Promise.resolve({
          ref,
          provider: undefined as never,
          modelId: "m",
          scripted: ref === "scripted:demo",
          price: () => null,
          ...(ref === "scripted:demo" ? { notice: "A demo." } : {}),
        })
      : Promise.reject(new AgentError("invalid_input", `There is no model ${ref}.`)),
};
const info: RepositoryInfo = {
  root: "/repo",
  branch: "main",
  headCommit: testCommit,
  baseCommit: testCommit,
  dirtyPaths: 2,
};
const inspect: WorkspaceService["inspect"] = ({ path }) =>
  path === "/repo"
    ? Promise.resolve(info)
    : Promise.reject(new AgentError("invalid_input", `${path} is not a git repository.`));

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const request: CreatePlanRequest = { goal: "  Make it better ", repository: { path: "/repo" } };
const create = (changes: Partial<CreatePlanRequest> = {}, idempotencyKey?: string, tenantId = "local") =>
  createPlan(
    { engine, models, workspaces: { inspect }, sandbox: "none" },
    { request: { ...request, ...changes }, tenantId, actor: user, idempotencyKey },
  );
const planCount = async () => (await engine.store.read.selectFrom("plan").select("id").execute()).length;

describe("createPlan", () => {
  test("stores the plan with its first planning round and announces it, all at once", async () => {
    const { planId } = await create({ model: "openai/m" });
    expect([await statusesOf(engine, planId), await eventsOf(engine, planId)]).toEqual([
      { plan: "draft", "plan.1": "ready" },
      ["plan.created"],
    ]);
    expect((await messagesOf(engine, planId)).map(({ stepId, kind }) => [stepId, kind])).toEqual([
      ["plan.1", "planning"],
    ]);
    expect(await readPlanState(engine.store.read, planId)).toMatchObject({
      goal: "Make it better",
      createdBy: "ann",
      model: "openai/m",
      repository: { path: "/repo", branch: "main", baseCommit: testCommit, dirtyPaths: 2 },
      budget: { maxTokens: 2_000_000, maxCostUsd: 5, maxMinutes: 120 },
    });
  });

  test("keeps what a scripted model says of itself", async () => {
    const optionsOf = async (model: string) => {
      const { planId } = await create({ model });
      const [created] = await readEvents(engine.store.read, planId);
      return created?.type === "plan.created" ? [created.data.scripted, created.data.modelNotice] : [];
    };
    expect([await optionsOf("scripted:demo"), await optionsOf("openai/m")]).toEqual([
      [true, "A demo."],
      [false, undefined],
    ]);
  });

  test("no run is without a cap: a request replaces caps, it does not take them away", async () => {
    const { planId } = await create({ budget: { maxCostUsd: 1 } });
    expect((await readPlanState(engine.store.read, planId))?.budget).toEqual({
      maxTokens: 2_000_000,
      maxCostUsd: 1,
      maxMinutes: 120,
    });
  });

  test.each([{ repository: { path: "/nowhere" } }, { model: "wizard/9" }])("stores nothing for %j", async (changes) => {
    await expect(create(changes)).rejects.toMatchObject({ code: "invalid_input" });
    expect(await planCount()).toBe(0);
  });

  test("sent again with its key is the same plan, also at once; another request with it is a conflict", async () => {
    const [first, ...others] = await Promise.all(["k", "k", "k"].map((key) => create({}, key)));
    expect([others, await planCount()]).toEqual([[first, first], 1]);
    await expect(create({ goal: "Another" }, "k")).rejects.toMatchObject({ code: "conflict" });
    expect(await create({}, "k", "others")).not.toEqual(first);
    engine.clock.advance(planFeatureLimits.idempotencyMs);
    expect(await create({ goal: "Another" }, "k")).not.toEqual(first);
  });

  test("sent again with its key is answered without a look at repository or model", async () => {
    const first = await create({ model: "openai/m" }, "k");
    const gone = () => Promise.reject(new AgentError("unavailable", "not now"));
    const answer = createPlan(
      { engine, models: { ...models, resolve: gone }, workspaces: { inspect: gone }, sandbox: "none" },
      { request: { ...request, model: "openai/m" }, tenantId: "local", actor: user, idempotencyKey: "k" },
    );
    expect(await answer).toEqual(first);
  });

  test("too much unfinished work refuses new work of that tenant, not of another, until some has ended", async () => {
    engine.maxOpenSteps = 2;
    const first = await create({}, "first");
    await create();
    const refusal = {
      code: "rate_limited",
      details: expect.objectContaining({ maxOpenSteps: 2, retryAfterSeconds: 30 }) as object,
    };
    await expect(create()).rejects.toMatchObject(refusal);
    await expect(create({}, "first")).resolves.toEqual(first);
    await create({}, undefined, "others");
    const cancel = { decision: "cancel" as const };
    await decidePlan({ engine, models }, { planId: first.planId, decision: cancel, actor: user });
    const old = await requirePlan(engine.store.read, first.planId, "local");
    await create();
    await expect(retryPlan(engine, { old, request: {}, actor: user })).rejects.toMatchObject(refusal);
    expect(await planCount()).toBe(4);
  });

  test.each(["repo", "./repo", "../repo", "~/repo"])("refuses the relative path %s", async (path) => {
    let looked = 0;
    const looking: WorkspaceService["inspect"] = () => {
      looked += 1;
      return Promise.resolve(info);
    };
    const refused = createPlan(
      { engine, models, workspaces: { inspect: looking }, sandbox: "none" },
      { request: { ...request, repository: { path } }, tenantId: "local", actor: user },
    );
    await expect(refused).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining("absolute") as string,
    });
    expect([looked, await planCount()]).toEqual([0, 0]);
  });
});

describe("reading plans", () => {
  test("another tenant's plan does not exist", async () => {
    const { planId } = await create({}, undefined, "others");
    await expect(requirePlan(engine.store.read, planId, "local")).rejects.toMatchObject({ code: "not_found" });
    await expect(getPlanState(engine.store.read, planId, "local")).rejects.toMatchObject({ code: "not_found" });
    expect((await listPlans(engine.store.read, { tenantId: "local" })).plans).toEqual([]);
  });

  test.each(["", "plan-1", "../../etc", "plan-'; drop table plan;--", "x".repeat(10_000)])(
    "a name that is none is not found: %j",
    async (planId) => {
      await expect(requirePlan(engine.store.read, planId, "local")).rejects.toMatchObject({ code: "not_found" });
    },
  );

  test("lists the newest first, page by page, each once", async () => {
    const made: string[] = [];
    for (let n = 0; n < planFeatureLimits.pageSize * 2 + 3; n += 1) {
      if (n % 4 === 0) engine.clock.advance(1);
      made.push((await create()).planId);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listPlans(engine.store.read, {
        tenantId: "local",
        ...(cursor === undefined ? {} : { cursor }),
      });
      seen.push(...page.plans.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(made.toReversed());
  });

  test("a broken cursor is no error", async () => {
    await create();
    for (const cursor of ["x", "~", "1~", "~x", "NaN~x"]) {
      expect((await listPlans(engine.store.read, { tenantId: "local", cursor })).plans.length).toBeLessThanOrEqual(1);
    }
  });
});
