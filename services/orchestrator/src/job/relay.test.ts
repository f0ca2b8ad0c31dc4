// The relay between two stores: the outbox of one, and an embedded queue on the other as its broker.
import { AgentError } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, test } from "vitest";

import { envelope, pool } from "../testing/queue-under-test.ts";
import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createEmbeddedQueue } from "./adapters/embedded.ts";
import type { EmbeddedQueue } from "./adapters/embedded.ts";
import { createRelay } from "./relay.ts";
import type { Relay } from "./relay.ts";

let engine: TestEngine;
let broker: TestEngine;
let queue: EmbeddedQueue;
let relay: Relay;
beforeEach(async () => {
  [engine, broker] = [await openTestEngine(), await openTestEngine()];
  queue = createEmbeddedQueue({ store: broker.store, clock: broker.clock, onError: () => undefined });
  relay = createRelay({ engine, queue, pools: [pool], slots: 3 });
});
afterEach(async () => {
  await relay.stop();
  await queue.close({ drainMs: 1_000 });
  await engine.remove();
  await broker.remove();
});

function row(n: number, text = JSON.stringify(envelope(n))) {
  const { messageId: id, dedupeId, planId, stepId, tenantId } = envelope(n);
  const names = { dedupe_id: dedupeId, plan_id: planId, step_id: stepId, tenant_id: tenantId };
  return { id, pool, ...names, priority: 0, envelope_json: text, available_at: n, claimed_until: 0 };
}

const insert = (...rows: ReturnType<typeof row>[]) =>
  engine.store.tx((tx) => tx.insertInto("outbox").values(rows).execute());
const waiting = () => engine.store.read.selectFrom("outbox").select("id").execute();

test("keeps two messages for each slot at the broker, and the rest in the outbox", async () => {
  await insert(...Array.from({ length: 20 }, (_, n) => row(n)));
  relay.start();
  await waitUntil("the broker has enough", async () => (await queue.depth(pool)) === 6);
  // Deleted once the broker has confirmed them, a moment after they are there.
  await waitUntil("they are not in the outbox any more", async () => (await waiting()).length < 20);
  expect((await waiting()).length).toBe(14);
  const seen: string[] = [];
  queue.subscribe(pool, 1, async (delivery) => {
    seen.push(delivery.envelope.stepId);
    await delivery.settle("done");
  });
  await waitUntil("all arrive", () => seen.length === 20);
  await waitUntil("none is in the outbox any more", async () => (await waiting()).length === 0);
  expect(new Set(seen).size).toBe(20);
});

test("a process that was not started carries nothing, however often it is woken", async () => {
  await insert(row(0));
  relay.wake();
  relay.wake();
  // It would have begun by now: its first question needs nothing but the store in memory.
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([await queue.depth(pool), (await waiting()).length]).toEqual([0, 1]);
  relay.start();
  await waitUntil("the broker has it", async () => (await queue.depth(pool)) === 1);
});

test("what the broker has confirmed is out of the outbox at the latest when the relay stops", async () => {
  await insert(row(0), row(1));
  relay.start();
  await waitUntil("the broker has them", async () => (await queue.depth(pool)) === 2);
  await relay.stop();
  expect(await waiting()).toEqual([]);
});

test("what cannot be deleted now is deleted later, and the broker gets it once", async () => {
  await insert(row(0));
  const before = { ...engine.store };
  let refused = 0;
  // Taking needs no transaction of this store, deleting does.
  engine.store.tx = (work) => {
    refused += 1;
    return refused === 1 ? Promise.reject(new AgentError("unavailable", "the store is away")) : before.tx(work);
  };
  relay.start();
  await waitUntil("it is not in the outbox any more", async () => (await waiting()).length === 0);
  expect([refused, await queue.depth(pool)]).toEqual([2, 1]);
});

test("keeps what cannot be sent apart, so that what is behind it goes on", async () => {
  await insert(
    row(0, "{not json"),
    row(1, JSON.stringify(envelope(1, { traceparent: "x".repeat(65 * 1024) }))),
    row(2),
  );
  relay.start();
  await waitUntil("the outbox is empty", async () => (await waiting()).length === 0);
  const letters = await engine.store.read.selectFrom("dead_letter").select(["id", "reason"]).orderBy("id").execute();
  expect([letters, await queue.depth(pool)]).toEqual([
    [
      { id: row(0).id, reason: "undecodable: it is not JSON" },
      { id: row(1).id, reason: "too_large" },
    ],
    1,
  ]);
});

test("what a step's message cannot be sent for is kept apart once, however often it is announced", async () => {
  const tooLarge = (n: number, reason: string) => {
    const message = envelope(1, { messageId: `message-${n}`, traceparent: reason.repeat(65 * 1024) });
    return { ...row(1, JSON.stringify(message)), id: message.messageId };
  };
  relay.start();
  for (const [n, text] of ["x", "y", "z"].entries()) {
    await insert(tooLarge(n, text));
    relay.wake();
    await waitUntil("the outbox is empty", async () => (await waiting()).length === 0);
  }
  await insert(row(2, "{not json"));
  relay.wake();
  await waitUntil("the outbox is empty", async () => (await waiting()).length === 0);
  // Said once the letter is there.
  await relay.stop();
  const letters = await engine.store.read.selectFrom("dead_letter").select(["id", "message"]).orderBy("id").execute();
  // The newest text of the first, and that of another step.
  expect(letters.map(({ id, message }) => [id, message.includes("zzz")])).toEqual([
    ["message-0", true],
    [row(2).id, false],
  ]);
  expect(engine.lines.filter(({ message }) => message === "message cannot be sent")).toHaveLength(2);
});

test("a message of a newer version is carried as it is", async () => {
  const newer = { ...envelope(0), schemaVersion: 2, shard: "s-1" };
  await insert(row(0, JSON.stringify(newer)));
  relay.start();
  await waitUntil("the broker has it", async () => (await queue.depth(pool)) === 1);
  const sent = await broker.store.read.selectFrom("outbox").select("envelope_json").executeTakeFirstOrThrow();
  expect(JSON.parse(sent.envelope_json)).toEqual(newer);
});

test("hands over what comes while nothing waits without a question to the broker, and asks when it may be full", async () => {
  const asked: string[] = [];
  const counting: EmbeddedQueue = {
    ...queue,
    health: () => (asked.push("health"), queue.health()),
    depth: (name) => (asked.push("depth"), queue.depth(name)),
  };
  await relay.stop();
  relay = createRelay({ engine, queue: counting, pools: [pool], slots: 2 });
  const arrive = async (n: number) => {
    await insert(row(n));
    relay.wake();
    await waitUntil("it is not in the outbox any more", async () => (await waiting()).length === 0);
  };
  relay.start();
  await arrive(0);
  expect(asked).toEqual(["health", "depth"]);
  for (const n of [1, 2]) await arrive(n);
  expect(asked).toEqual(["health", "depth"]);
  await arrive(3);
  await insert(row(4));
  relay.wake();
  await waitUntil("it asks again", () => asked.length > 2);
  expect([asked.slice(0, 3), await queue.depth(pool), (await waiting()).length]).toEqual([
    ["health", "depth", "depth"],
    4,
    1,
  ]);
});
