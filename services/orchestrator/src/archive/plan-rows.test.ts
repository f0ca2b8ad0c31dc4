// A file takes numbers of any size, a server does not: what an archive may hold fits both.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { z } from "zod";

import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { sqliteTestStore } from "../testing/test-store.ts";
import { EventRecord, PlanRecords } from "./plan-rows.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine(sqliteTestStore);
});
afterAll(() => engine.remove());

const { plan, steps, needs, attempts, approvals, timers } = PlanRecords.shape;
const records: Record<string, z.ZodObject> = {
  plan,
  step: steps.element,
  step_dep: needs.element,
  attempt: attempts.element,
  approval: approvals.element,
  timer: timers.element,
  event: EventRecord,
};

/** The largest number of each type of the migrations. */
const largest: Readonly<Record<string, number>> = { integer: 2 ** 31 - 1, bigint: Number.MAX_SAFE_INTEGER };

test("no number of a row is so large that it could not rise", async () => {
  const tables = await engine.store.read.introspection.getTables();
  const columns = tables.flatMap(({ name: table, columns: ofTable }) =>
    ofTable.map(({ name, dataType }) => ({ table, name, most: largest[dataType.toLowerCase()] })),
  );
  const numbers = columns.filter(({ table, most }) => records[table] !== undefined && most !== undefined);
  const full = numbers.filter(({ table, name, most }) => records[table]!.shape[name]!.safeParse(most).success);
  expect(full).toEqual([]);
  expect(numbers.length).toBeGreaterThan(30);
});
