import type { Server, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { recordProgress } from "../job/claim-step.ts";
import { completeStep } from "../job/end-step.ts";
import type { Claim } from "../job/engine.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { lastSeqOf } from "../testing/look.ts";
import { serveEvents } from "../testing/serve-events.ts";
import type { ServedEvents } from "../testing/serve-events.ts";
import { openStream } from "../testing/sse.ts";
import type { Stream, StreamOptions } from "../testing/sse.ts";
import { endByLastStep, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { readEvents } from "./read-events.ts";
import { streamLimits } from "./stream-events.ts";

const plan = testPlan([testStep("a")]);
const planId = plan.id;

let engine: TestEngine;
let served: ServedEvents;
let server: Server;
let base: string;
let claim: Claim;
const streams: Stream[] = [];

beforeEach(async () => {
  engine = await openTestEngine();
  await storeApproved(engine, plan);
  claim = await takeStep(engine, planId, "a");
  served = await serveEvents(engine);
  ({ base, server } = served);
});
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await served.close();
  await engine.remove();
});

const open = async (options: StreamOptions = {}, path = `/plans/${planId}/events`) => {
  const stream = await openStream(`${base}${path}`, options);
  streams.push(stream);
  return stream;
};
const note = (text: string) =>
  recordProgress(engine, claim, { type: "guidance.added", data: { afterTurn: 0, kind: "note", text } });
const endPlan = async () => {
  await completeStep(engine, claim, { summary: "done", head: "h" });
  await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
};
const idsOf = (stream: Stream) => stream.frames.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("the stream of a plan", () => {
  test("gives the stored log, then what happens, and ends with the plan", async () => {
    const stream = await open();
    const first = await lastSeqOf(engine, planId);
    await waitUntil("the stored log", () => idsOf(stream).length === first);
    await note("now");
    await endPlan();
    await stream.ended;
    const events = await readEvents(engine.store.read, planId);
    expect(stream.frames).toEqual(events.map((event) => ({ id: String(event.seq), event: event.type, data: event })));
    expect(stream.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
  });

  test("resumes without a gap from every event, by header and by query", async () => {
    await note("one");
    await endPlan();
    const last = await lastSeqOf(engine, planId);
    for (const seq of range(0, last)) {
      const byHeader = await open({ headers: { "last-event-id": String(seq) } });
      const byQuery = await open({}, `/events?plan_id=${planId}&lastEventId=${seq}`);
      await Promise.all([byHeader.ended, byQuery.ended]);
      const expected = { status: seq === last ? 204 : 200, ids: range(seq + 1, last) };
      const seen = [byHeader, byQuery].map((stream) => ({ status: stream.status, ids: idsOf(stream) }));
      expect(seen).toEqual([expected, expected]);
    }
  });

  test("loses nothing when it is cut and resumed again and again while events are written", async () => {
    const seen: number[] = [];
    const writing = (async () => {
      for (let n = 0; n < 120; n += 1) await note(`note ${n}`);
      await endPlan();
    })();
    let isOver = false;
    while (!isOver) {
      const stream = await open({ headers: { "last-event-id": String(seen.at(-1) ?? 0) } });
      const wanted = 1 + (seen.length % 7);
      const full = waitUntil("some frames", () => stream.frames.length >= wanted);
      await Promise.race([full, stream.ended]);
      stream.close();
      seen.push(...idsOf(stream));
      isOver = stream.frames.some(({ event }) => event === "plan.finished");
    }
    await writing;
    expect(seen).toEqual(range(1, await lastSeqOf(engine, planId)));
  });

  test("shows live text between the events, without an id", async () => {
    const stream = await open();
    await waitUntil("the log", async () => idsOf(stream).length === (await lastSeqOf(engine, planId)));
    const live = { type: "model.delta", planId, stepId: "a", turn: 1, kind: "text", text: "Hel\nlo" } as const;
    engine.bus.live(live);
    engine.bus.live({ ...live, planId: "plan-of-others" });
    await waitUntil("live text", () => stream.frames.some(({ id }) => id === undefined));
    await endPlan();
    await stream.ended;
    expect(stream.frames.filter(({ id }) => id === undefined)).toEqual([
      { id: undefined, event: "model.delta", data: live },
    ]);
  });

  test.each(["abc", "-1", "1.5", "0x10", "1e3", "9999999999999999999", "NaN", "1; drop table", "999"])(
    "refuses a Last-Event-ID that is none: %s",
    async (id) => {
      const { status, frames, response } = await open({ headers: { "last-event-id": id } });
      expect([status, frames.length, response.headers["content-type"]]).toEqual([
        400,
        0,
        "application/json; charset=utf-8",
      ]);
    },
  );

  test("of a plan that does not exist is not found", async () => {
    const answers = await Promise.all(
      ["/plans/plan-00000000/events", "/plans/..%2f..%2fx/events", "/events"].map((path) => open({}, path)),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
  });

  test("is a list for a reader of JSON", async () => {
    const response = await fetch(`${base}/plans/${planId}/events?lastEventId=2`, {
      headers: { accept: "application/json" },
    });
    const events = await readEvents(engine.store.read, planId, { afterSeq: 2 });
    expect(await response.json()).toEqual({ schemaVersion: 1, events });
  });

  test("of a reader who left holds nothing", async () => {
    const stream = await open();
    await waitUntil("the log", () => stream.frames.length > 0);
    stream.close();
    await waitUntil("no connection", async () => {
      await note("x");
      return new Promise<boolean>((resolve) => server.getConnections((_error, count) => resolve(count === 0)));
    });
    expect(engine.lines).toEqual([]);
  });
});

test("what happens costs each reader one statement, and a plan that stands still none", async () => {
  let asked = 0;
  const read = engine.store.read.withPlugin({
    transformQuery: ({ node }) => ((asked += 1), node),
    transformResult: ({ result }) => Promise.resolve(result),
  });
  const counted = await serveEvents({ ...engine, store: { ...engine.store, read } });
  const stream = await openStream(`${counted.base}/plans/${planId}/events`);
  streams.push(stream);
  const all = async () => idsOf(stream).length === (await lastSeqOf(engine, planId));
  await waitUntil("the stored log", all);
  // Longer than a look by the clock once took to come.
  await sleep(1_200);
  const before = asked;
  await sleep(1_200);
  const still = asked - before;
  await note("now");
  await waitUntil("it is there", all);
  expect([still, asked - before]).toEqual([0, 1]);
  await counted.close();
});

describe("a slow reader", () => {
  const large = "x".repeat(200_000);

  test("is waited for: nothing of the log piles up in memory or is lost", async () => {
    const responses: ServerResponse[] = [];
    server.on("request", (_request, response) => responses.push(response));
    for (let n = 0; n < 60; n += 1) await note(`${n} ${large}`);
    const stream = await open({ paused: true });
    await waitUntil("a full pipe", () => responses[0]?.writableNeedDrain === true);
    await note("one more");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(responses[0]?.writableLength).toBeLessThan(2 * large.length);
    await endPlan();
    stream.response.resume();
    await stream.ended;
    expect(idsOf(stream)).toEqual(range(1, await lastSeqOf(engine, planId)));
  });

  test("misses live text rather than filling memory, and never an event", async () => {
    const stream = await open({ paused: true });
    const count = 200;
    for (let n = 0; n < count; n += 1) {
      engine.bus.live({ type: "model.delta", planId, stepId: "a", turn: 1, kind: "text", text: large });
    }
    await endPlan();
    stream.response.resume();
    await stream.ended;
    const live = stream.frames.filter(({ id }) => id === undefined).length;
    const most = Math.ceil((streamLimits.maxBufferedBytes + 4 * 1024 * 1024) / large.length);
    expect([live > 0, live < most, idsOf(stream)]).toEqual([true, true, range(1, await lastSeqOf(engine, planId))]);
  });

  test("who leaves in the middle does not keep the stream alive", async () => {
    const stream = await open({ paused: true });
    for (let n = 0; n < 40; n += 1) await note(`${n} ${large}`);
    stream.close();
    await waitUntil(
      "no connection",
      () => new Promise<boolean>((resolve) => server.getConnections((_error, count) => resolve(count === 0))),
    );
    await decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
    expect(engine.lines).toEqual([]);
  });
});
