// Caps of running steps on a PostgreSQL that one server has for itself: its claims run side by side too.
import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { openOwnedPostgresStore } from "../store/adapters/postgres.ts";
import { planRowOf } from "../testing/look.ts";
import { createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, planOptions, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { reopenable } from "../testing/test-store.ts";
import { claimStep, isClaim } from "./claim-step.ts";

let database: TestDatabase;
let engine: TestEngine;
beforeEach(async () => {
  database = await createTestDatabase();
  const { url } = database;
  engine = await openTestEngine({
    name: "PostgreSQL",
    open: ({ folder }) => {
      const folderFile = `${folder}/state.db`;
      return reopenable(() => openOwnedPostgresStore({ url, folderFile, slots: 20, onTaken: () => undefined }), {
        url,
      });
    },
  });
});
afterEach(async () => {
  await engine.remove();
  await database.drop();
});

test("however many claim at once, no more run than the cap says", async () => {
  engine.dispatch = { caps: { tenant: 2 } };
  const ids = Array.from({ length: 12 }, (_, n) => PlanId.parse(`plan-000000${10 + n}`));
  for (const id of ids) await storeApproved(engine, testPlan([testStep("a")], { id }), planOptions());
  const waiting = await Promise.all(ids.map((id) => messagesOf(engine, id)));
  const claims = await Promise.all(waiting.flat().map((envelope, n) => claimStep(engine, envelope, `worker-${n}`)));
  const statuses = await Promise.all(ids.map(async (id) => (await planRowOf(engine, id)).status));
  expect([waiting.flat().length, claims.filter(isClaim).length]).toEqual([12, 2]);
  expect(statuses.filter((status) => status === "running").length).toBe(2);
});
