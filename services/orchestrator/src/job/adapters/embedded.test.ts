import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { sql } from "kysely";
import { describe, expect, test } from "vitest";

import type { OutboxRow } from "../../store/tables.ts";
import { manualClock } from "../../testing/manual-clock.ts";
import { chosenTestStore, openTestStore } from "../../testing/test-store.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { jobEnvelope } from "../dispatch-step.ts";
import { describeJobQueue } from "../job-queue.contract.ts";
import { jobEngineLimits } from "../limits.ts";
import { createEmbeddedQueue } from "./embedded.ts";

async function openQueue() {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-queue-"));
  const clock = manualClock();
  const opened = await openTestStore({ folder, clock });
  const { store } = opened;
  const errors: unknown[] = [];
  let injected = 0;
  const queue = createEmbeddedQueue({ store, clock, onError: (error) => errors.push(error) });
  return {
    store,
    clock,
    errors,
    queue,
    passRetryPause() {
      clock.advance(jobEngineLimits.retrySoonMs);
      queue.wake();
      return Promise.resolve();
    },
    async inject(pool: string, bytes: Buffer) {
      injected += 1;
      const id = `injected-${injected}`;
      const row = { id, pool, dedupe_id: id, plan_id: "plan-00000001", step_id: id, tenant_id: "local", priority: 0 };
      // What a column of text cannot hold does not get into it.
      const text = store.isShared ? bytes.toString().replaceAll("\0", "") : bytes.toString();
      const values = { ...row, envelope_json: text, available_at: 0, claimed_until: 0, written_at: null };
      await store.tx((tx) => tx.insertInto("outbox").values(values).execute());
      queue.wake();
    },
    async stall() {
      const { promise: held, resolve: proceed } = Promise.withResolvers<void>();
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      // A file has one writer: whoever waits inside holds up every other. A server is told so.
      const writing = store.tx(async (tx) => {
        if (store.isShared) await sql`lock table outbox in access exclusive mode`.execute(tx);
        begin();
        await held;
      });
      await begun;
      return async () => {
        proceed();
        await writing;
      };
    },
    async consumeAndDie(pool: string, count: number) {
      const held: string[] = [];
      const dead = createEmbeddedQueue({ store, clock, onError: () => undefined });
      const taking = dead.subscribe(pool, count, (delivery) => {
        held.push(delivery.envelope.stepId);
        return Promise.resolve();
      });
      await waitUntil("taken", () => held.length >= count);
      await taking.close();
      clock.advance(jobEngineLimits.outboxClaimMs);
      return held;
    },
    remove: async () => {
      await opened.remove();
      rmSync(folder, { recursive: true });
    },
  };
}

describeJobQueue("embedded", chosenTestStore().name, openQueue);

describe("the embedded queue", () => {
  const row = (id: string, envelope: unknown): OutboxRow => ({
    id,
    pool: "default",
    dedupe_id: id,
    plan_id: "plan-00000001",
    step_id: id,
    tenant_id: "local",
    priority: 0,
    envelope_json: typeof envelope === "string" ? envelope : JSON.stringify(envelope),
    available_at: 0,
    claimed_until: 0,
    written_at: null,
  });
  const envelope = (id: string) =>
    jobEnvelope({
      tenantId: "local",
      priority: 0,
      step: { plan_id: "plan-00000001", step_id: id, attempt: 1, pool: "default", kind: "agent", kind_version: 1 },
      now: 0,
      messageId: id,
      traceparent: null,
    });

  test("a message that cannot be read is reported and kept apart; those behind it arrive", async () => {
    const { store, queue, errors, remove } = await openQueue();
    const rows = [row("1", "{not json"), row("2", { planId: "nonsense" }), row("3", envelope("s3"))];
    await store.tx((tx) => tx.insertInto("outbox").values(rows).execute());
    const seen: string[] = [];
    const subscription = queue.subscribe("default", 1, async (delivery) => {
      seen.push(delivery.envelope.stepId);
      await delivery.settle("done");
    });
    await waitUntil("empty", async () => (await queue.depth("default")) === 0);
    expect([seen, errors.length]).toEqual([["s3"], 2]);
    await subscription.close();
    await remove();
  });

  test("a message whose handler neither settles nor fails comes again by the clock", async () => {
    const { clock, queue, remove } = await openQueue();
    await queue.publish([envelope("s1")]);
    let held = 0;
    const neverSettled = queue.subscribe("default", 1, () => Promise.resolve(void (held += 1)));
    await waitUntil("taken", () => held > 0);
    await neverSettled.close();
    const seen: string[] = [];
    const next = queue.subscribe("default", 1, async (delivery) => {
      seen.push(delivery.envelope.stepId);
      await delivery.settle("done");
    });
    clock.advance(jobEngineLimits.outboxClaimMs - 1);
    queue.wake();
    await sleep(40);
    expect(seen).toEqual([]);
    clock.advance(1);
    queue.wake();
    await waitUntil("delivered", () => seen.length > 0);
    expect([held, seen]).toEqual([1, ["s1"]]);
    await next.close();
    await remove();
  });

  test("of a long backlog no more is counted than a scrape may cost", async () => {
    const { store, queue, remove } = await openQueue();
    const rows = Array.from({ length: jobEngineLimits.countedMessages + 1 }, (_, n) => row(String(n), "{}"));
    await store.tx(async (tx) => {
      for (let n = 0; n < rows.length; n += 1_000)
        await tx
          .insertInto("outbox")
          .values(rows.slice(n, n + 1_000))
          .execute();
    });
    expect([await queue.depth("default"), await queue.depth("other")]).toEqual([jobEngineLimits.countedMessages, 0]);
    await remove();
  });

  test("higher priority goes first, then the older", async () => {
    const { store, queue, remove } = await openQueue();
    const rows = [
      { ...row("1", envelope("old")), available_at: -2 },
      { ...row("2", envelope("older")), available_at: -3 },
      { ...row("3", envelope("urgent")), priority: 1 },
      { ...row("4", envelope("ahead")), available_at: Number.MAX_SAFE_INTEGER },
    ];
    await store.tx((tx) => tx.insertInto("outbox").values(rows).execute());
    const seen: string[] = [];
    const subscription = queue.subscribe("default", 1, async (delivery) => {
      seen.push(delivery.envelope.stepId);
      await delivery.settle("done");
    });
    await waitUntil("four", () => seen.length === 4);
    expect(seen).toEqual(["urgent", "older", "old", "ahead"]);
    await subscription.close();
    await remove();
  });
});

test("timers ring between messages, however many there are that nobody waits for", async () => {
  const { queue, store, remove } = await openQueue();
  const count = 500;
  const values = Array.from({ length: count }, (_, n): OutboxRow => {
    const step = {
      plan_id: "plan-00000001",
      step_id: `s${n}`,
      attempt: 1,
      pool: "default",
      kind: "agent",
      kind_version: 1,
    };
    const base = { tenantId: "local", priority: 0, step, now: n, messageId: `m${n}`, traceparent: null };
    const row = { id: `m${n}`, pool: "default", dedupe_id: `d${n}`, plan_id: step.plan_id, step_id: step.step_id };
    const envelope_json = JSON.stringify(jobEnvelope(base));
    return {
      ...row,
      tenant_id: "local",
      priority: 0,
      envelope_json,
      available_at: n,
      claimed_until: 0,
      written_at: null,
    };
  });
  await store.tx((tx) => tx.insertInto("outbox").values(values).execute());
  let seen = 0;
  const subscription = queue.subscribe("default", 1, async (delivery) => {
    seen += 1;
    await delivery.settle("done");
  });
  await sleep(1);
  expect(seen).toBeLessThan(count);
  await waitUntil("all are seen", () => seen === count, 30_000);
  await subscription.close();
  await queue.close({ drainMs: 1_000 });
  await remove();
});
