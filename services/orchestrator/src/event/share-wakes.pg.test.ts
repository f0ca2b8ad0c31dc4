// Two processes' worth of wake-ups over one PostgreSQL.
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "vitest";

import { openPostgresStore } from "../store/adapters/postgres.ts";
import type { Store } from "../store/store.ts";
import { askPostgres, createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createEventBus } from "./event-bus.ts";
import { shareWakes } from "./share-wakes.ts";

const planId = "plan-00000000-0000-4000-8000-000000000001";

let database: TestDatabase;
const stores: Store[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await database.drop();
});

async function openReplica() {
  const store = await openPostgresStore({ url: database.url });
  stores.push(store);
  const heard: string[] = [];
  const bus = createEventBus();
  const points = shareWakes(store.wakes, {
    bus,
    wakeQueue: () => void heard.push("queue"),
    signalCancel: (plan, step) => void heard.push(`cancel ${step} of ${plan}`),
  });
  points.bus.onWake(planId, () => void heard.push("plan"));
  return { ...points, heard };
}
const listening = async (count: number) => {
  const rows = "select 1 from pg_stat_activity where query = 'listen ossaat_wake' and datname = current_database()";
  await waitUntil("all listen", async () => (await askPostgres(database.url, rows)).length === count);
};

test("a wake in one process is heard in the other, once for a burst, and not twice at home", async () => {
  const [here, there] = [await openReplica(), await openReplica()];
  await listening(2);
  for (let n = 0; n < 100; n += 1) here.bus.wake(planId);
  here.wakeQueue();
  await waitUntil("both are heard", () => there.heard.includes("queue") && there.heard.includes("plan"));
  there.wakeQueue();
  await waitUntil("the answer is heard", () => here.heard.filter((word) => word === "queue").length === 2);
  expect(here.heard.filter((word) => word === "plan")).toHaveLength(100);
  expect(there.heard.filter((word) => word === "plan").length).toBeLessThan(100);
});

test("a step is asked to stop in the process where it runs", async () => {
  const [here, there] = [await openReplica(), await openReplica()];
  await listening(2);
  here.signalCancel(planId, "plan.1");
  await waitUntil("it is heard", () => there.heard.length > 0);
  expect([here.heard, there.heard]).toEqual([[`cancel plan.1 of ${planId}`], [`cancel plan.1 of ${planId}`]]);
});

test("more plans than fit into one notification are all heard", async () => {
  const [here, there] = [await openReplica(), await openReplica()];
  await listening(2);
  const ids = Array.from({ length: 500 }, (_, n) => `plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
  const heard = new Set<string>();
  for (const id of ids) there.bus.onWake(id, () => heard.add(id));
  for (const id of ids) here.bus.wake(id);
  await waitUntil("all are heard", () => heard.size === ids.length);
  expect([...heard].sort()).toEqual(ids);
});

test("text of a running step reaches the readers of its plan elsewhere, whole and in order", async () => {
  const [here, there] = [await openReplica(), await openReplica()];
  await listening(2);
  const read = { here: "", there: "", other: "" };
  here.bus.onLive(planId, ({ text }) => void (read.here += text));
  there.bus.onLive("plan-2", ({ text }) => void (read.other += text));
  const off = there.bus.onLive(planId, ({ text }) => void (read.there += text));
  const say = (text: string) =>
    here.bus.live({ type: "model.delta", planId, stepId: "a", turn: 1, kind: "text", text });
  // Nobody is known to read there yet.
  await waitUntil("it is known", () => {
    say(".");
    return read.there.length > 0;
  });
  const words = ["a", "a", "a\nb", "\u0000\u001b[1m", "é\u2028", "\u{1f600}".repeat(700), "x".repeat(3_000), "end"];
  for (const word of words) {
    say(word);
    await sleep(7);
  }
  await waitUntil("all is read", () => read.there.endsWith("end"));
  const [, said] = /^(?:\.*)(.*)$/su.exec(read.there) ?? [];
  expect([said, read.other]).toEqual([words.join(""), ""]);
  expect(read.here.endsWith(words.join(""))).toBe(true);
  off();
  say("nobody reads this there");
  expect(read.there.endsWith("end")).toBe(true);
});

test("listening goes on after the connection was cut", async () => {
  const [here, there] = [await openReplica(), await openReplica()];
  await listening(2);
  await database.cutSessions();
  here.wakeQueue();
  await listening(2);
  await waitUntil("it is heard again", () => {
    here.wakeQueue();
    return there.heard.includes("queue");
  });
  expect(there.heard).toContain("queue");
});
