// Publishing: what is accepted, what is refused and why, and what arrives of it.
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";
import { expect, test } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import { done, envelope, envelopes, otherPool, pool, quiet, stepIds } from "../testing/queue-under-test.ts";
import type { QueueBench } from "../testing/queue-under-test.ts";

const accepted = { accepted: true } as const;
const tooLarge = () => envelope(1, { traceparent: "x".repeat(65 * 1024) });

function testRefusals(cases: CaseList, current: () => QueueBench): void {
  cases.test("C01", async () => {
    const { queue, subject } = current();
    const proceed = await subject.stall();
    let answer: unknown;
    const publishing = queue.publish(envelopes(3)).then((results) => (answer = results));
    await sleep(300);
    const early = answer;
    await proceed();
    await publishing;
    expect([early, answer]).toEqual([undefined, [accepted, accepted, accepted]]);
    current().subscribe(1, done);
    await current().sawSteps(3);
  });

  cases.test("C02", async () => {
    const { queue } = current();
    expect(await queue.publish([])).toEqual([]);
    const answers = await queue.publish([envelope(0), tooLarge(), envelope(2), envelope(3, { pool: otherPool })]);
    expect(answers).toEqual([accepted, { accepted: false, reason: "too_large" }, accepted, accepted]);
    current().subscribe(1, done);
    current().subscribe(1, done, otherPool);
    await current().sawSteps(3);
    await current().isEmpty();
    expect(current().seen.sort()).toEqual(["step-0", "step-2", "step-3"]);
  });

  cases.test("C03", async () => {
    const { queue } = current();
    const answers = await queue.publish([envelope(0), envelope(1, { pool: "nowhere" }), envelope(2)]);
    expect(answers).toEqual([accepted, { accepted: false, reason: "unroutable" }, accepted]);
  });

  cases.test("C04", async () => {
    const { queue } = current();
    expect(await queue.publish([tooLarge()])).toEqual([{ accepted: false, reason: "too_large" }]);
    await quiet();
    expect(await queue.depth(pool)).toBe(0);
  });
}

async function roundTrip(bench: QueueBench, sent: JobEnvelope): Promise<JobEnvelope[]> {
  const received: JobEnvelope[] = [];
  await bench.queue.publish([sent]);
  bench.subscribe(1, async (delivery) => {
    received.push(delivery.envelope);
    await done(delivery);
  });
  await bench.sawAtLeast(1);
  return received;
}

export function testPublish(cases: CaseList, current: () => QueueBench): void {
  testRefusals(cases, current);

  cases.test("C05", async () => {
    const future = { text: "日本語 🎉 \u0000 \u2028", bytes: Buffer.from([0, 255, 128]).toString("base64"), deep: [1] };
    const sent = envelope(1, { priority: 3, future });
    expect(await roundTrip(current(), sent)).toEqual([sent]);
  });

  cases.test("C06", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const sent = envelope(1, { traceparent, tracestate: "vendor=a,other=b" });
    expect(await roundTrip(current(), sent)).toEqual([sent]);
  });

  test("publishing the same message again does no harm", async () => {
    const { queue } = current();
    const sent = envelopes(3);
    await queue.publish(sent);
    expect(await queue.publish(sent)).toEqual([accepted, accepted, accepted]);
    current().subscribe(2, done);
    await current().sawSteps(3);
    await current().isEmpty();
    expect(new Set(current().seen)).toEqual(new Set(stepIds(3)));
  });

  test("what waits is counted, each pool for itself", async () => {
    const { queue } = current();
    await queue.publish(envelopes(3));
    await expect.poll(() => queue.depth(pool), { timeout: 10_000 }).toBe(3);
    expect(await queue.depth(otherPool)).toBe(0);
  });

  test("says that it is well", async () => {
    expect(await current().queue.health()).toMatchObject({ ok: true });
  });
}
