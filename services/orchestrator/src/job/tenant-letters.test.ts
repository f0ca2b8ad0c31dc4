// What a person sees of dead letters and does about them, over the routes and a real outbox.
import { AgentError, PersonCapability, httpRoutes } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import express from "express";
import { afterEach, beforeEach, expect, test } from "vitest";

import { errorHandler } from "../http/respond.ts";
import { readInternalToken } from "../identity/identity.ts";
import { eventsOf } from "../testing/look.ts";
import { serveApp } from "../testing/serve-orchestrator.ts";
import type { HttpCall, ServedApp } from "../testing/serve-orchestrator.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { createEmbeddedQueue } from "./adapters/embedded.ts";
import { buryMessage } from "./bury-message.ts";
import type { DeadLetters } from "./job-queue.ts";
import type { LetterHead } from "./letter-head.ts";
import { jobEngineLimits } from "./limits.ts";
import { queueRoutes } from "./routes.ts";

const internalKey = new Uint8Array(32).fill(7);
const plan = testPlan([testStep("a")]);

let engine: TestEngine;
let app: ServedApp;
let letterId: string;
/** What happens whenever some letters have ended. */
let onEnded: (goOn: () => Promise<boolean>) => Promise<boolean>;
/** What a look sees of a letter, and whether of all. */
let onSeen: (head: LetterHead) => LetterHead;
let isAllSeen: boolean;
beforeEach(async () => {
  engine = await openTestEngine();
  await storeApproved(engine, plan);
  onEnded = (goOn) => goOn();
  onSeen = (head) => head;
  isAllSeen = true;
  const embedded = createEmbeddedQueue({ ...engine, onError: () => undefined });
  const { deadLetters } = embedded;
  const end: DeadLetters["end"] = (pool, { choose, goOn, ...look }, how) => {
    const choice = {
      ...look,
      choose: (heads: readonly LetterHead[], isAll: boolean) => choose(heads.map(onSeen), isAll && isAllSeen),
      goOn: (ids: readonly string[]) => onEnded(async () => (await goOn?.(ids)) ?? true),
    };
    return deadLetters.end(pool, choice, how);
  };
  const list: DeadLetters["list"] = async (...words) => {
    const { letters, isCut } = await deadLetters.list(...words);
    return { letters, isCut: isCut || !isAllSeen };
  };
  const queue = { ...embedded, deadLetters: { ...deadLetters, list, end } };
  const routes = express();
  routes.use(async (request, response, next) => {
    response.locals["identity"] = await readInternalToken(request.get("authorization"), internalKey);
    next();
  });
  routes.use(express.json());
  routes.use(queueRoutes({ engine, queue, pools: ["default"] }));
  routes.use(errorHandler(engine.log));
  app = await serveApp(routes, { internalKey, capabilities: PersonCapability.options });
  const [message] = await messagesOf(engine, plan.id);
  letterId = message?.messageId ?? "";
  await engine.store.tx((tx) => buryMessage(tx, { id: letterId, at: 5, reason: "nobody took it" }));
});
afterEach(async () => {
  await app.close();
  await engine.remove();
});

test("a letter that cannot be read is no message to give back; it can be forgotten", async () => {
  await engine.store.tx((tx) => tx.updateTable("dead_letter").set({ message: "{not json" }).execute());
  expect(await decide("requeue")).toMatchObject({ status: 409, body: { code: "conflict" } });
  expect((await decide("drop")).status).toBe(200);
  expect(await list()).toEqual([]);
});

const summary = () => ({
  id: letterId,
  pool: "default",
  reason: "nobody took it",
  planId: plan.id,
  stepId: "a",
  attempt: 1,
});
const decide = (decision: string, call: HttpCall = {}) =>
  app.call(`/queue/dead-letters/${letterId}/decisions`, { method: "POST", body: { decision }, ...call });
const list = async (identity = {}) => (await app.call("/queue/dead-letters", { identity })).body["letters"];
const decisions = async () => (await eventsOf(engine, plan.id)).filter((event) => event.startsWith("message."));

test("a dead letter is listed, counted and shown with its text", async () => {
  expect(await list()).toEqual([summary()]);
  const shown = (await app.call(`/queue/dead-letters/${letterId}`)).body["letter"] as { message: string };
  expect({ ...shown, message: "" }).toEqual({ ...summary(), message: "" });
  expect(JSON.parse(shown.message)).toMatchObject({ messageId: letterId, stepId: "a" });
  expect((await app.call("/queue")).body).toEqual({
    schemaVersion: 1,
    health: { ok: true, blocked: false, detail: "outbox table" },
    waiting: 0,
    pools: [{ pool: "default", depth: 0, deadLetters: 1 }],
    workers: [],
  });
});

test("the workers that run steps of the tenant are named, while their leases hold", async () => {
  const workersOf = async (identity = {}) => (await app.call("/queue", { identity })).body["workers"];
  const lease = (until: number) =>
    engine.store.tx((tx) => tx.updateTable("step").set({ lease_owner: "worker-w1", lease_until: until }).execute());
  await lease(engine.clock.now() + 60_000);
  expect([await workersOf(), await workersOf({ tenantId: "others" })]).toEqual([
    [{ worker: "worker-w1", running: 1 }],
    [],
  ]);
  await lease(engine.clock.now() - 1);
  expect(await workersOf()).toEqual([]);
});

test("one that is given back waits in its queue again, and the plan's log says who did it", async () => {
  expect(await decide("requeue")).toEqual({
    status: 200,
    body: { schemaVersion: 1, decision: "requeue", letter: summary() },
  });
  expect((await messagesOf(engine, plan.id)).map(({ messageId }) => messageId)).toEqual([letterId]);
  expect([await list(), await decisions()]).toEqual([[], ["message.requeued a"]]);
  const { actor_json: actor } = await engine.store.read
    .selectFrom("event")
    .select("actor_json")
    .where("type", "=", "message.requeued")
    .executeTakeFirstOrThrow();
  expect(JSON.parse(actor)).toEqual({ kind: "user", id: "ann" });
});

test("one that is dropped is gone, and the logs of plan and server say so", async () => {
  expect((await decide("drop")).status).toBe(200);
  expect([await messagesOf(engine, plan.id), await list(), await decisions()]).toEqual([[], [], ["message.dropped a"]]);
  const told = engine.lines.filter(({ message }) => message === "a person decided about a dead letter");
  expect(told.map(({ fields }) => fields)).toMatchObject([{ letterId, decision: "drop", actor: { id: "ann" } }]);
  expect((await decide("drop")).status).toBe(404);
});

const decideMany = (body: object, call: HttpCall = {}) =>
  app.call("/queue/dead-letters/decisions", { method: "POST", body, ...call });

/** More letters of the same plan, one of them for another reason. */
async function buryMore(count: number): Promise<void> {
  const found = await engine.store.read.selectFrom("dead_letter").selectAll().executeTakeFirstOrThrow();
  const rows = Array.from({ length: count }, (_, n) => ({
    ...found,
    id: `more-${n}`,
    reason: n === 0 ? "It was TOO large" : "nobody took it",
    message: JSON.stringify({ ...JSON.parse(found.message), messageId: `more-${n}`, dedupeId: `more-${n}` }),
    dedupe_id: `more-${n}`,
    at: 6 + n,
  }));
  await engine.store.tx((tx) => tx.insertInto("dead_letter").values(rows).execute());
}

test("several are decided about by name; where one is not there or unclear, none ends", async () => {
  await buryMore(12);
  const decided = await decideMany({ decision: "requeue", ids: ["more-1", letterId, "more-11"] });
  expect([decided.status, (decided.body["letters"] as { id: string }[]).map(({ id }) => id)]).toEqual([
    200,
    ["more-1", letterId, "more-11"],
  ]);
  expect([(await messagesOf(engine, plan.id)).length, await decisions()]).toEqual([
    3,
    ["message.requeued a", "message.requeued a", "message.requeued a"],
  ]);
  const missing = await decideMany({ decision: "drop", ids: ["more-2", "more-"] });
  expect([missing.status, missing.body["message"]]).toEqual([400, '"more-" begins the ids of 10 dead letters.']);
  const gone = await decideMany({ decision: "drop", ids: ["more-2", letterId] });
  expect([gone.status, gone.body["message"]]).toEqual([404, `There is no dead letter ${JSON.stringify(letterId)}.`]);
  expect(await list()).toMatchObject({ length: 10 });
});

test("all that fit are decided about, and a list says when there are more", async () => {
  await buryMore(5);
  const letters = async (query: string) => {
    const { body } = await app.call(`/queue/dead-letters?${query}`);
    return [(body["letters"] as { id: string }[]).map(({ id }) => id), body["hasMore"]];
  };
  expect(await letters("limit=2")).toEqual([[letterId, "more-0"], true]);
  expect(await letters("reason=too%20large&limit=1")).toEqual([["more-0"], false]);
  expect(await letters("plan=another")).toEqual([[], false]);
  expect((await app.call("/queue/dead-letters?limit=0")).status).toBe(400);
  const large = await decideMany({ decision: "drop", all: { reason: "too large" } });
  expect(large.body).toMatchObject({ decision: "drop", hasMore: false, letters: [{ id: "more-0" }] });
  expect((await decideMany({ decision: "requeue", all: {} }, { identity: { tenantId: "others" } })).body).toMatchObject(
    {
      letters: [],
    },
  );
  expect((await decideMany({ decision: "requeue", all: { planId: plan.id } })).body["letters"]).toMatchObject({
    length: 5,
  });
  expect(await list()).toEqual([]);
  expect((await decideMany({ decision: "drop", ids: ["x"], all: {} })).status).toBe(400);
});

test("a request ends no more letters than its time allows, and says what it left", async () => {
  const { lettersAtOnce, lettersMs } = jobEngineLimits;
  await buryMore(3 * lettersAtOnce - 1);
  onEnded = (goOn) => {
    engine.clock.advance(0.6 * lettersMs);
    return goOn();
  };
  const counts: unknown[] = [];
  for (let n = 0; n < 2; n += 1) {
    const { status, body } = await decideMany({ decision: "requeue", all: {} });
    counts.push([status, (body["letters"] as object[]).length, body["hasMore"], (await decisions()).length]);
  }
  expect(counts).toEqual([
    [200, 2 * lettersAtOnce, true, 2 * lettersAtOnce],
    [200, lettersAtOnce, false, 3 * lettersAtOnce],
  ]);
  expect([await list(), (await messagesOf(engine, plan.id)).length]).toEqual([[], 3 * lettersAtOnce]);
});

test("what has ended is told although the rest failed; it is asked for again", async () => {
  const { lettersAtOnce } = jobEngineLimits;
  await buryMore(lettersAtOnce + 4);
  onEnded = async (goOn) => {
    await goOn();
    throw new AgentError("unavailable", "the broker went away");
  };
  const first = await decideMany({ decision: "drop", all: {} });
  expect([first.status, first.body["hasMore"], (first.body["letters"] as object[]).length]).toEqual([
    200,
    true,
    lettersAtOnce,
  ]);
  expect(engine.lines.filter(({ level }) => level === "error").map(({ fields }) => fields)).toMatchObject([
    { pool: "default", error: { message: "the broker went away" } },
  ]);
  onEnded = () => Promise.reject(new AgentError("unavailable", "the broker is away"));
  expect(await decideMany({ decision: "drop", all: {} })).toMatchObject({
    status: 503,
    body: { message: "the broker is away" },
  });
});

test("a plan whose log cannot be written hides no letter that ended", async () => {
  await buryMore(1);
  const { store } = engine;
  const broken = { ...store, tx: () => Promise.reject(new AgentError("unavailable", "the plan is locked")) };
  onEnded = async (goOn) => {
    engine.store = broken;
    try {
      return await goOn();
    } finally {
      engine.store = store;
    }
  };
  const { status, body } = await decideMany({ decision: "drop", all: {} });
  expect([status, body["hasMore"], (body["letters"] as object[]).length]).toEqual([200, false, 2]);
  expect(engine.lines.filter(({ level }) => level === "error").map(({ fields }) => fields)).toMatchObject([
    { planId: plan.id, error: { message: "the plan is locked" } },
  ]);
});

/** Those of the messages that were given back die again. */
async function buryAgain(...ids: string[]): Promise<void> {
  engine.clock.advance(1_000);
  const at = engine.clock.now();
  await engine.store.tx(async (tx) => {
    for (const id of ids) await buryMessage(tx, { id, at, reason: "still nobody took it" });
  });
}

test("all are those that were there when it was first asked, not those that died again since", async () => {
  await buryMore(jobEngineLimits.decidedDeadLetters);
  const [asOf, last] = [new Date(engine.clock.now()).toISOString(), `more-${jobEngineLimits.decidedDeadLetters - 1}`];
  const first = await decideMany({ decision: "requeue", all: {} });
  expect({ ...first.body, letters: (first.body["letters"] as object[]).length }).toEqual({
    schemaVersion: 1,
    decision: "requeue",
    letters: jobEngineLimits.decidedDeadLetters,
    hasMore: true,
    asOf,
  });
  await buryAgain("more-1", "more-2");
  const rest = await decideMany({ decision: "requeue", all: { asOf } });
  expect(rest.body).toMatchObject({ letters: [{ id: last }], hasMore: false, asOf, newer: 2 });
  const none = await decideMany({ decision: "requeue", all: { asOf, reason: "nobody" } });
  expect(none.body).toMatchObject({ letters: [], hasMore: false, newer: 2 });
  expect(await list()).toMatchObject([{ id: "more-1" }, { id: "more-2" }]);
  expect((await decideMany({ decision: "drop", all: {} })).body).toMatchObject({ letters: { length: 2 } });
  expect((await decideMany({ decision: "drop", all: { asOf: "soon" } })).status).toBe(400);
});

test("a letter that tells no time was there before", async () => {
  onSeen = ({ diedAt: _diedAt, ...head }) => head;
  const { body } = await decideMany({ decision: "drop", all: { asOf: "2000-01-01T00:00:00.000Z" } });
  expect(body).toMatchObject({ letters: [{ id: letterId }], newer: 0 });
});

test("a letter that is not among the many that are looked through is not said to be gone", async () => {
  isAllSeen = false;
  const told = { status: 422, body: { code: "limit_exceeded" } };
  expect(await decideMany({ decision: "drop", ids: ["another"] })).toMatchObject(told);
  expect(await app.call("/queue/dead-letters/another")).toMatchObject(told);
  expect((await app.call(`/queue/dead-letters/${letterId}`)).status).toBe(200);
  expect((await decideMany({ decision: "drop", all: {} })).body).toMatchObject({
    letters: { length: 1 },
    hasMore: true,
  });
});

test("nothing follows the end of a plan's log", async () => {
  await engine.store.tx((tx) => tx.updateTable("plan").set({ status: "cancelled" }).execute());
  expect((await decide("drop")).status).toBe(200);
  expect(await decisions()).toEqual([]);
});

test("another tenant sees none of it and can do nothing about it", async () => {
  const identity = { tenantId: "others" };
  expect(await list(identity)).toEqual([]);
  expect((await app.call(`/queue/dead-letters/${letterId}`, { identity })).status).toBe(404);
  expect((await decide("drop", { identity })).status).toBe(404);
  expect((await app.call("/queue", { identity })).body["pools"]).toEqual([
    { pool: "default", depth: 0, deadLetters: 0 },
  ]);
  expect(await list()).toEqual([summary()]);
});

test("a tenant's letters are not hidden behind many of another", async () => {
  const many = Array.from({ length: jobEngineLimits.shownDeadLetters }, (_, n) => n);
  const letter = (id: string, tenant: string, at: number) => {
    return { id, tenant_id: tenant, pool: "default", reason: "nobody took it", message: "{", at };
  };
  await engine.store.tx((tx) =>
    tx
      .insertInto("dead_letter")
      .values([...many.map((n) => letter(`many-${n}`, "others", n - 10_000)), letter("last", "third", 9)])
      .execute(),
  );
  const counts = async (identity = {}) => (await app.call("/queue", { identity })).body["pools"];
  const pools = (deadLetters: number) => [{ pool: "default", depth: 0, deadLetters }];
  expect(await list()).toEqual([summary()]);
  expect(await list({ tenantId: "third" })).toEqual([{ id: "last", pool: "default", reason: "nobody took it" }]);
  expect([await counts(), await counts({ tenantId: "others" })]).toEqual([pools(1), pools(many.length)]);
  expect((await decide("requeue")).status).toBe(200);
});

test("what cannot be read names no tenant: the installation's own sees it and may forget it", async () => {
  await engine.store.tx((tx) => tx.updateTable("dead_letter").set({ message: "{" }).execute());
  const unread = { id: letterId, pool: "default", reason: "nobody took it" };
  expect([await list(), await list({ tenantId: "others" })]).toEqual([[unread], []]);
  expect((await decide("drop")).status).toBe(200);
  expect(await decisions()).toEqual([]);
});

test.each(httpRoutes.filter(({ path }) => path.startsWith("/queue")))(
  "$method $path needs its capability",
  async ({ method, path, capability }) => {
    const without = PersonCapability.options.filter((each) => each !== capability);
    const body = method === "get" ? {} : { body: { decision: "drop" } };
    const call = { method: method.toUpperCase(), identity: { capabilities: without }, ...body };
    const answer = await app.call(path.replace("{letterId}", letterId), call);
    expect([answer.status, answer.body["message"]]).toEqual([403, `This needs the capability ${capability}.`]);
  },
);
