// A relay whose broker is away for a minute while the outbox grows; one outage serves every store.
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect } from "vitest";

import type { OpenQueue } from "../compose/queue-parts.ts";
import { caseList } from "../testing/case-list.ts";
import { postgresTestStore } from "../testing/postgres.ts";
import { envelope, pool } from "../testing/queue-under-test.ts";
import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { sqliteTestStore } from "../testing/test-store.ts";
import type { TestStoreKind } from "../testing/test-store.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { combinationTitle } from "./durability-cases.ts";
import type { QueueName, StoreName } from "./durability-cases.ts";
import type { JobQueue } from "./job-queue.ts";
import { createRelay } from "./relay.ts";
import type { Relay } from "./relay.ts";

export type BrokerInTrouble = {
  /** A queue with names of its own. */
  open: () => ReturnType<OpenQueue>;
  kill: () => Promise<void>;
  start: () => Promise<void>;
  /** What a queue that was just made may need before its broker is killed, ms. */
  settleMs?: number;
};

/** Of the engine's clock, in parts in which the relay tries again. */
const outageMs = 60_000;
const outageParts = 6;
/** Of real time, in each part. */
const partMs = 200;
const maxWaitMs = 90_000;

/** Written in this order; the first number is the priority, the second when it became available. */
const messages = [
  [1, 3],
  [0, 1],
  [0, 2],
  [0, 0],
] as const;
const inOrder = ["step-3", "step-0", "step-1", "step-2"];

type Ride = { engine: TestEngine; queue: JobQueue; relay: Relay; waited: number; seen: string[] };

async function board(open: BrokerInTrouble["open"], store: TestStoreKind): Promise<Ride> {
  const engine = await openTestEngine(store);
  const queue = open();
  await queue.ensureTopology([pool]);
  const relay = createRelay({ engine, queue, pools: [pool], slots: 50 });
  relay.start();
  return { engine, queue, relay, waited: 0, seen: [] };
}

async function write({ engine: { store, clock }, relay }: Ride): Promise<void> {
  const rows = messages.map(([priority, availableAt]) => {
    const sent = envelope(availableAt);
    return {
      id: sent.messageId,
      pool,
      dedupe_id: sent.dedupeId,
      plan_id: sent.planId,
      step_id: sent.stepId,
      tenant_id: sent.tenantId,
      priority,
      envelope_json: JSON.stringify(sent),
      available_at: clock.now() + availableAt,
      claimed_until: 0,
    };
  });
  await store.tx((tx) => tx.insertInto("outbox").values(rows).execute());
  relay.wake();
}

async function waitingOf({ engine }: Ride): Promise<number> {
  return (await engine.store.read.selectFrom("outbox").select("id").execute()).length;
}

async function arrive(ride: Ride): Promise<void> {
  const { relay, queue, seen } = ride;
  await waitUntil(
    "the outbox is empty",
    async () => {
      relay.wake();
      return (await waitingOf(ride)) === 0;
    },
    maxWaitMs,
  );
  queue.subscribe(pool, 1, async (delivery) => {
    seen.push(delivery.envelope.stepId);
    await delivery.settle("done");
  });
  await waitUntil("all arrive", () => new Set(seen).size >= messages.length, maxWaitMs);
}

export function describeRelayOutage(queueName: QueueName, { open, kill, start, settleMs = 0 }: BrokerInTrouble): void {
  describe("a broker that is away for a minute", () => {
    const rides = new Map<StoreName, Ride>();
    const stores = [sqliteTestStore, postgresTestStore];

    beforeAll(async () => {
      for (const store of stores) rides.set(store.name, await board(open, store));
      await sleep(settleMs);
      await kill();
      const all = [...rides.values()];
      await Promise.all(all.map(write));
      for (let part = 0; part < outageParts; part += 1) {
        for (const { engine, relay } of all) {
          engine.clock.advance(outageMs / outageParts);
          relay.wake();
        }
        await sleep(partMs);
      }
      for (const ride of all) ride.waited = await waitingOf(ride);
      await start();
      await Promise.all(all.map(arrive));
    });
    afterAll(async () => {
      for (const { relay, queue, engine } of rides.values()) {
        await relay.stop();
        await queue.close({ drainMs: 1_000 });
        await engine.remove();
      }
    });

    for (const { name } of stores) {
      describe(`over ${combinationTitle([queueName], name)}`, () => {
        const cases = caseList(["C26K"], queueName);
        cases.test("C26K", () => {
          const ride = rides.get(name);
          expect([ride?.waited, [...new Set(ride?.seen)]]).toEqual([messages.length, inOrder]);
          return Promise.resolve();
        });
        cases.testCompleteness();
      });
    }
  });
}
