// Failing: receivers that cannot now, messages that nobody can read, processes that die.
import { AgentError } from "@ossaat/contracts";
import { expect, test } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import { done, envelope, envelopes, named, otherPool, pool, quiet, stepIds } from "../testing/queue-under-test.ts";
import type { QueueBench } from "../testing/queue-under-test.ts";
import { waitUntil } from "../testing/wait-until.ts";
import type { CaseId } from "./durability-cases.ts";
import type { Delivery, LetterChoice, LetterQuery } from "./job-queue.ts";
import type { LetterHead } from "./letter-head.ts";
import { jobEngineLimits } from "./limits.ts";

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
    const letters = (await queue.deadLetters.list(pool, 10)).letters;
    expect(letters.map(({ reason, message }) => [reason, JSON.parse(message)])).toEqual([["no such kind", sent]]);
    expect([seen, await queue.depth(pool), (await queue.deadLetters.list(otherPool, 10)).letters]).toEqual([
      ["step-1"],
      0,
      [],
    ]);
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
    const reasons = (await queue.deadLetters.list(pool, 10)).letters.map(({ reason }) => reason).sort();
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
    const ids = (await queue.deadLetters.list(pool, 10)).letters.map(({ id }) => id);
    const one = await queue.deadLetters.list(pool, 1);
    expect([one.letters.length, one.isCut, new Set(ids).size]).toEqual([1, true, 2]);
    const [first = "", second = ""] = ids;
    const { deadLetters } = queue;
    // A broker may count what was added or looked at a moment later.
    const counts = async (count: number) => (await deadLetters.count(pool)) === count;
    await waitUntil("two letters are counted", () => counts(2));
    expect(await deadLetters.count(otherPool)).toBe(0);
    expect(await deadLetters.end(pool, named("none"), "drop")).toEqual([]);
    expect(await deadLetters.end(otherPool, named(first), "drop")).toEqual([]);
    expect(await deadLetters.end(pool, named(first), "drop")).toEqual([first]);
    expect(await deadLetters.end(pool, named(first), "requeue")).toEqual([]);
    await waitUntil("one letter is counted", () => counts(1));
    expect((await deadLetters.list(pool, 10)).letters.map(({ id }) => id)).toEqual([second]);
    expect(await deadLetters.end(pool, named(second), "requeue")).toEqual([second]);
    seen.length = 0;
    current().subscribe(1, done);
    await current().sawAtLeast(1);
    await current().isEmpty();
    expect([(await deadLetters.list(pool, 10)).letters, seen.length]).toEqual([[], 1]);
  });
}

function testManyLetters(current: () => QueueBench): void {
  test("of many dead letters those that are chosen end in one look, and a list says when it is cut", async () => {
    const { queue } = current();
    const { deadLetters } = queue;
    await queue.publish(envelopes(6));
    const rejecting = current().subscribe(2, (delivery) =>
      delivery.settle("reject", ["step-1", "step-4"].includes(delivery.envelope.stepId) ? "odd" : "not now"),
    );
    await current().deadLetters(6);
    await rejecting.close();
    const steps = async (limit: number, words: LetterQuery = {}) => {
      const { letters, isCut } = await deadLetters.list(pool, limit, words);
      return [letters.map(({ message }) => JSON.parse(message).stepId as string).sort(), isCut];
    };
    const isOdd = ({ reason }: LetterHead) => reason === "odd";
    expect([await steps(6), await steps(10)]).toMatchObject([{ 1: false }, { 1: false }]);
    expect(await steps(2, { isWanted: isOdd })).toEqual([["step-1", "step-4"], false]);
    expect(await steps(1, { isWanted: isOdd })).toMatchObject([{ length: 1 }, true]);

    const looks: [number, boolean][] = [];
    const choose = (heads: readonly LetterHead[], isAll: boolean) => {
      looks.push([heads.length, isAll]);
      return heads.filter(isOdd).map(({ id }) => id);
    };
    expect((await deadLetters.end(pool, { tenantId: "others", choose }, "drop")).length).toBe(0);
    expect((await deadLetters.end(pool, { choose }, "drop")).length).toBe(2);
    expect(looks).toEqual([
      [0, true],
      [6, true],
    ]);
    expect(await steps(10)).toEqual([["step-0", "step-2", "step-3", "step-5"], false]);
    const all: LetterChoice = { tenantId: "local", choose: (heads) => heads.map(({ id }) => id) };
    expect((await deadLetters.end(pool, all, "requeue")).length).toBe(4);
    expect(await steps(10)).toEqual([[], false]);
    current().seen.length = 0;
    current().subscribe(4, done);
    await current().sawSteps(4);
    expect(new Set(current().seen)).toEqual(new Set(["step-0", "step-2", "step-3", "step-5"]));
  });

  test("letters end a few at a time, and no others once it was said to stop", async () => {
    const { queue } = current();
    const { deadLetters } = queue;
    const count = jobEngineLimits.lettersAtOnce + 10;
    await queue.publish(envelopes(count));
    const rejecting = current().subscribe(4, (delivery) => delivery.settle("reject", "not now"));
    await current().deadLetters(count);
    await rejecting.close();
    const told: string[][] = [];
    const end = (isEnough: boolean, how: "requeue" | "drop") => {
      const goOn = (ids: readonly string[]) => {
        told.push([...ids]);
        return Promise.resolve(!isEnough);
      };
      return deadLetters.end(pool, { choose: (heads) => heads.map(({ id }) => id), goOn }, how);
    };
    const first = await end(true, "requeue");
    expect([told, first.length]).toEqual([[first], jobEngineLimits.lettersAtOnce]);
    expect((await deadLetters.list(pool, 100)).letters.length).toBe(10);
    const last = await end(false, "drop");
    expect([told.slice(1).flat(), last.length]).toEqual([last, 10]);
    expect((await deadLetters.list(pool, 100)).letters).toEqual([]);
    current().seen.length = 0;
    current().subscribe(4, done);
    await current().sawSteps(jobEngineLimits.lettersAtOnce);
    await current().isEmpty();
  });

  test("a letter tells when it died, and a later time when it died again", async () => {
    const { queue, subject } = current();
    const { deadLetters } = queue;
    await queue.publish(envelopes(2));
    current().subscribe(1, (delivery) => delivery.settle("reject", "not now"));
    await current().deadLetters(2);
    const seen = async () => {
      const times: number[] = [];
      const choose = (heads: readonly LetterHead[]) => {
        times.push(...heads.map(({ diedAt }) => diedAt ?? Number.NaN));
        return [];
      };
      await deadLetters.end(pool, { choose }, "drop");
      const listed = (await deadLetters.list(pool, 10)).letters.map(({ diedAt }) => diedAt);
      expect(listed).toEqual(times);
      return times;
    };
    const [before, after] = [await seen(), Math.max(...(await seen()))];
    expect(before.every((time) => time <= after)).toBe(true);
    await subject.passRetryPause();
    const [oldest] = (await deadLetters.list(pool, 1)).letters;
    expect(await deadLetters.end(pool, named(oldest?.id ?? ""), "requeue")).toHaveLength(1);
    await current().deadLetters(2);
    const [stayed = Number.NaN, again = Number.NaN] = await seen();
    expect([stayed, again > after]).toEqual([before[1], true]);
  });

  test("when the choice throws, no letter ends", async () => {
    const { queue } = current();
    await queue.publish(envelopes(1));
    const rejecting = current().subscribe(1, (delivery) => delivery.settle("reject", "not now"));
    await current().deadLetters(1);
    await rejecting.close();
    const choose = () => {
      throw new AgentError("not_found", "none of that name");
    };
    await expect(queue.deadLetters.end(pool, { choose }, "drop")).rejects.toMatchObject({ code: "not_found" });
    expect((await queue.deadLetters.list(pool, 10)).letters.length).toBe(1);
  });
}

function testDeaths(cases: CaseList, current: () => QueueBench): void {
  cases.test("C18", async () => {
    const { queue, seen, subject } = current();
    await queue.publish([envelope(1), envelope(2, { pool: otherPool })]);
    const crashing = current().subscribe(1, () => subject.cutConnection?.() ?? Promise.resolve());
    await current().deadLetters(1);
    const [letter] = (await queue.deadLetters.list(pool, 10)).letters;
    expect(JSON.parse(letter?.message ?? "")).toEqual(envelope(1));
    expect(letter?.reason).toContain("delivered");
    expect(letter?.diedAt).toBeGreaterThan(0);
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
  testManyLetters(current);
  testDeaths(cases, current);
}
