// `ossaat plans reconcile` from outside: it only looks, unless it is told to mend.
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterAll, beforeAll, expect, test } from "vitest";

import { makePlace } from "./testing/example-worlds.ts";
import type { ExamplePlace } from "./testing/example-worlds.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli } from "./testing/run-ossaat.ts";

let cli: Cli;
let place: ExamplePlace;
beforeAll(async () => {
  cli = await createCli({ OSSAAT_MODEL: "scripted:replies.json" });
  place = await makePlace(cli, "done", "reconciled");
});
afterAll(() => cli.close());

/** A timer that the end of the plan should have removed; the server must not run. */
async function plantTimer(): Promise<void> {
  await cli.run(place.folder, ["down"]);
  const database = new DatabaseSync(path.join(cli.stateDir, "ossaat.db"));
  database
    .prepare("insert into timer (id, plan_id, step_id, kind, ref, due_at) values (?, ?, ?, ?, ?, ?)")
    .run("left-over", place.planId ?? "", "fix", "retry", "", Date.now() + 3_600_000);
  database.close();
}

test("finds a difference, shows it, leaves it, and mends it when told to", async () => {
  const reconcile = (...flags: string[]) => cli.run(place.folder, ["plans", "reconcile", ...flags]);
  const sound = await reconcile();
  expect([sound.code, sound.stdout, sound.stderr]).toEqual([0, "", "What is recorded is what is there.\n"]);

  await plantTimer();
  const found = await cli.json(place.folder, ["plans", "reconcile"]);
  const difference = {
    kind: "timer_without_step",
    planId: place.planId,
    stepId: "fix",
    detail: "a timer (retry) of a plan that has ended",
  };
  expect([found.code, found.value]).toEqual([
    3,
    { schemaVersion: 1, applied: false, differences: [difference], more: false },
  ]);
  const shown = await reconcile();
  expect([shown.code, shown.stdout]).toEqual([
    3,
    expect.stringMatching(/^difference +plan +step +detail\ntimer without step  plan-\S+  fix {3}a timer/u),
  ]);

  const mended = await reconcile("--apply");
  expect([mended.code, mended.stderr]).toEqual([0, "1 difference mended.\n"]);
  expect((await reconcile()).code).toBe(0);
});
