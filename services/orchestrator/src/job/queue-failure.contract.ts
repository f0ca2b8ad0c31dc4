// Failing: receivers that cannot now, messages that nobody can read, processes that die.
import { expect, test } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import { done, envelope, envelopes, otherPool, pool, quiet, stepIds } from "../testing/queue-under-test.ts";
import type { QueueBench } from "../testing/queue-under-test.ts";
import { waitUntil } from "../testing/wait-until.ts";
import type { CaseId } from "./durability-cases.ts";
import type { Delivery } from "./job-queue.ts";

function testRetries(cases: CaseList, current: () => QueueBench): void {
  const failures: [CaseId, (delivery: Delivery) => Promise<void>][] = [
    ["C14", (delivery) => delivery.settle("retry_soon")],
    ["C16", () => Promise.reject(new Error("store out of reach"))],
  ];
  for (const [id, fail] of failures) {
    cases.test(id, async () => {
      const { seen, subject } = current();
      await current().queue.publish([envelope(1)]);
      current().subscribe(1, (delivery) => (seen.length === 1 ? fail(delivery) : done(delivery)));
      await current().sawAtLeast(1);
      await quiet();
      expect(seen).toEqual(["step-1"]);
      await subject.passRetryPause();
      await current().sawAtLeast(2);
      await current().isEmpty();
      expect(seen).toEqual(["step-1", "step-1"]);
    });
  }
}

function testDeadLetters(cases: CaseList, current: () => QueueBench): void {
  cases.test("C15", async () => {
    const { queue, seen, subject } = current();
    const sent = envelope(1);
    await queue.publish([sent]);
    current().subscribe(1, (delivery) => delivery.settle("reject", "no such kind"));
    await current().deadLetters(1);
    await subject.passRetryPause();
    await quiet();
    const letters = await queue.deadLetters.list(pool, 10);
    expect(letters.map(({ reason, message }) => [reason, JSON.parse(message)])).toEqual([["no such kind", sent]]);
    expect([seen, await queue.depth(pool), await queue.deadLetters.list(otherPool, 10)]).toEqual([["step-1"], 0, []]);
  });

  cases.test("C17", async () => {
    const { queue, seen, subject } = current();
    await subject.inject(pool, Buffer.from("{not json"));
    await subject.inject(pool, Buffer.from(JSON.stringify({ planId: "nonsense", attempt: 0 })));
    await subject.inject(pool, Buffer.from([0xff, 0xfe, 0x00, 0x80]));
    await queue.publish([envelope(3)]);
    current().subscribe(1, done);
    await current().sawAtLeast(1);
    await current().deadLetters(3);
    expect(seen).toEqual(["step-3"]);
    const reasons = (await queue.deadLetters.list(pool, 10)).map(({ reason }) => reason).sort();
    expect(reasons.map((reason) => reason.slice(0, 29))).toEqual([
      "undecodable: it is not JSON",
      "undecodable: it is not JSON",
      "undecodable: wrong in message",
    ]);
  });

  test("a dead letter can be given back or forgotten, once", async () => {
    const { queue, seen } = current();
    await queue.publish(envelopes(2));
    const rejecting = current().subscribe(1, (delivery) => delivery.settle("reject", "not now"));
    await current().deadLetters(2);
    await rejecting.close();
    const ids = (await queue.deadLetters.list(pool, 10)).map(({ id }) => id);
    expect([await queue.deadLetters.list(pool, 1).then((some) => some.length), new Set(ids).size]).toEqual([1, 2]);
    const [first = "", second = ""] = ids;
    const { deadLetters } = queue;
    // A broker may count what was added or looked at a moment later.
    const counts = async (count: number) => (await deadLetters.count(pool)) === count;
    await waitUntil("two letters are counted", () => counts(2));
    expect(await deadLetters.count(otherPool)).toBe(0);
    expect(await deadLetters.end(pool, "none", "drop")).toBe(false);
    expect(await deadLetters.end(otherPool, first, "drop")).toBe(false);
    expect(await deadLetters.end(pool, first, "drop")).toBe(true);
    expect(await deadLetters.end(pool, first, "requeue")).toBe(false);
    await waitUntil("one letter is counted", () => counts(1));
    expect((await deadLetters.list(pool, 10)).map(({ id }) => id)).toEqual([second]);
    expect(await deadLetters.end(pool, second, "requeue")).toBe(true);
    seen.length = 0;
    current().subscribe(1, done);
    await current().sawAtLeast(1);
    await current().isEmpty();
    expect([await deadLetters.list(pool, 10), seen.length]).toEqual([[], 1]);
  });
}

function testDeaths(cases: CaseList, current: () => QueueBench): void {
  cases.test("C18", async () => {
    const { queue, seen, subject } = current();
    await queue.publish([envelope(1), envelope(2, { pool: otherPool })]);
    const crashing = current().subscribe(1, () => subject.cutConnection?.() ?? Promise.resolve());
    await current().deadLetters(1);
    const [letter] = await queue.deadLetters.list(pool, 10);
    expect(JSON.parse(letter?.message ?? "")).toEqual(envelope(1));
    expect(letter?.reason).toContain("delivered");
    crashing.pause();
    const crashes = seen.length;
    current().subscribe(1, done, otherPool);
    await waitUntil("the innocent arrives", () => seen.includes("step-2"), 30_000);
    expect(seen.filter((step) => step === "step-1").length).toBe(crashes);
    expect(crashes).toBeLessThan(30);
  });

  cases.test("C19", async () => {
    const { queue, subject } = current();
    await queue.publish(envelopes(5));
    const held = await subject.consumeAndDie(pool, 2);
    current().subscribe(1, done);
    await current().sawSteps(5);
    await current().isEmpty();
    expect([held.length >= 2, held.every((step) => stepIds(5).includes(step))]).toEqual([true, true]);
  });

  cases.test("C22", async () => {
    const { queue, seen, subject } = current();
    const sent = envelopes(50);
    await subject.publishAndDie?.(sent);
    await queue.publish(sent);
    current().subscribe(4, done);
    await current().sawSteps(50);
    await current().isEmpty();
    expect(new Set(seen)).toEqual(new Set(stepIds(50)));
  });
}

export function testFailures(cases: CaseList, current: () => QueueBench): void {
  testRetries(cases, current);
  testDeadLetters(cases, current);
  testDeaths(cases, current);
}
