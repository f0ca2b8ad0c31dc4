import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "vitest";

import { envelope } from "../../../testing/queue-under-test.ts";
import { waitUntil } from "../../../testing/wait-until.ts";
import type { Delivery } from "../../job-queue.ts";
import { kafkaLimits } from "./limits.ts";
import { PoolPump } from "./pool-pump.ts";
import type { JobRecord, PumpDeps } from "./pool-pump.ts";

const limits = { ...kafkaLimits, heldRecords: 10, roomMs: 5, retrySoonMs: 5, commitRecords: 4, unsettledMs: 5 };

const record = (n: number, value: unknown = envelope(n)): JobRecord => ({
  partition: 0,
  offset: n,
  timestamp: "1000",
  key: null,
  passes: 0,
  value: Buffer.from(JSON.stringify(value)),
});
const records = (count: number, from = 0) => Array.from({ length: count }, (_, n) => record(from + n));

let told: unknown[];
let held: Delivery[];
let pump: PoolPump;
const openPump = (changes: Partial<PumpDeps> = {}) =>
  new PoolPump({
    slots: 3,
    handler: (delivery) => {
      held.push(delivery);
      return new Promise(() => undefined);
    },
    passOn: ({ offset }) => Promise.resolve(void told.push(["passed on", offset])),
    bury: ({ offset }, reason) => Promise.resolve(void told.push(["buried", offset, reason])),
    setFetching: (on) => told.push(on ? "fetch" : "stop"),
    onSettled: () => told.push("settled"),
    onError: (error) => told.push(["error", String(error)]),
    limits,
    ...changes,
  });
beforeEach(() => {
  told = [];
  held = [];
  pump = openPump();
});
afterEach(() => pump.beginEpoch());

const mark = () => pump.marks().map(({ offset }) => offset);

test("only what is settled without a gap may be committed, and a hundredth settlement asks for a commit", async () => {
  pump = openPump({ slots: 9 });
  await pump.take(records(6, 20));
  for (const n of [1, 2, 5]) await held[n]?.settle("done");
  expect([mark(), told]).toEqual([[20], []]);
  await held[0]?.settle("done");
  expect([mark(), told]).toEqual([[23], ["settled"]]);
  pump.noteCommitted([{ partition: 0, offset: 23 }], pump.epoch);
  expect(mark()).toEqual([]);
});

test("a settlement of another assignment changes nothing, and its handler holds no slot", async () => {
  await pump.take(records(3));
  pump.beginEpoch();
  for (const delivery of held) await delivery.settle("done");
  expect(mark()).toEqual([]);
  await pump.take(records(3));
  expect([held.length, mark()]).toEqual([6, [0]]);
  pump.noteCommitted([{ partition: 0, offset: 3 }], pump.epoch - 1);
  expect(mark()).toEqual([0]);
});

test("a full pump stops the fetch, and asks again when half is gone", async () => {
  await pump.take(records(12));
  expect(told).toEqual(["stop"]);
  pump = openPump({ handler: (delivery) => delivery.settle("done") });
  told = [];
  await pump.take(records(12));
  await waitUntil("all are handled", () => mark()[0] === 12);
  expect(told.filter((word) => word !== "settled")).toEqual([]);
});

test("what is given back comes again without being committed past, and is buried when it never gets an answer", async () => {
  let tries = 0;
  pump = openPump({
    slots: 1,
    handler: async (delivery) => {
      tries += 1;
      if (tries < 3) await delivery.settle("retry_soon");
    },
    limits: { ...limits, maxDeliveries: 4 },
  });
  await pump.take(records(1));
  await sleep(0);
  expect(mark()).toEqual([0]);
  await waitUntil("buried", () => told.length > 0);
  expect([tries, told, mark()]).toEqual([6, [["buried", 0, "delivered 4 times without an answer"]], [1]]);
});

test("what cannot be buried now is tried again and stays uncommitted", async () => {
  let refusals = 2;
  pump = openPump({
    bury: ({ offset }, reason) => {
      refusals -= 1;
      if (refusals >= 0) return Promise.reject(new Error("no broker"));
      return Promise.resolve(void told.push(["buried", offset, reason]));
    },
  });
  await pump.take([record(0, "nonsense")]);
  expect(mark()).toEqual([0]);
  await waitUntil("buried", () => mark()[0] === 1);
  expect(told.filter((line) => Array.isArray(line) && line[0] === "buried")).toEqual([
    ["buried", 0, "undecodable: wrong in the whole"],
  ]);
  expect(told).toContainEqual(["error", "Error: no broker"]);
});

test("what waits for a slot for too long goes to others, and counts as settled; what they do not take stays", async () => {
  let refuses = true;
  const passed: number[] = [];
  pump = openPump({
    slots: 1,
    passOn: ({ offset, passes }) => {
      if (refuses) return Promise.reject(new Error("nobody takes it"));
      passed.push(offset, passes);
      return Promise.resolve();
    },
    limits: { ...limits, passOnMs: 20 },
  });
  await pump.take([record(0), { ...record(1), passes: 1 }, { ...record(2), passes: 30 }]);
  await waitUntil("it was refused", () => told.some((each) => String(each).includes("nobody takes it")));
  expect([held.length, passed]).toEqual([1, []]);
  refuses = false;
  await waitUntil("it was passed on", () => passed.length > 0);
  await sleep(60);
  expect([held.length, passed, mark()]).toEqual([1, [1, 1], [0]]);
  await held[0]?.settle("done");
  expect(mark()).toEqual([2]);
});
