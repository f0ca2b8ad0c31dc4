// The real server is killed at every named place, and what is left is judged.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { failpointNames } from "@ossaat/testkit";
import { killEverywhere, makeChaosEntries, planKills, scenarios } from "@ossaat/testkit/chaos";
import type { ChaosEntries, KillPlan } from "@ossaat/testkit/chaos";
import { afterAll, beforeAll, expect, test } from "vitest";

const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));

let folder: string;
let entries: ChaosEntries;
let plan: KillPlan;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-failpoints-"));
  entries = await makeChaosEntries(folder, {
    server: source("testing/chaos-server.ts"),
    runner: source("../../../services/tool-runner/src/main.ts"),
  });
  plan = await planKills(entries.server);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("every failpoint is reached by some plan, and undisturbed every plan keeps the eleven invariants", () => {
  expect(plan.findings).toEqual([]);
  expect(plan.unreached).toEqual([]);
  const first = [...plan.targets.values()].flat().filter(({ hit }) => hit === 1);
  expect(first.map(({ name }) => name).sort()).toEqual([...failpointNames].sort());
});

test.each(scenarios.map(({ name }) => name))(
  "%s: killed at each place, at its first and second hit, every plan keeps the eleven invariants",
  async (name) => {
    expect(await killEverywhere(entries.server, plan, name)).toEqual({ missed: [], findings: [] });
  },
);
