// One process and a deployment take the same rules from the same variables, and refuse the same values.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { ServerRules } from "@ossaat/orchestrator";
import { readOrchestratorConfig } from "@ossaat/orchestrator/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { loadConfig } from "../config.ts";
import { serverRulesOf } from "./embedded.ts";

let home: string;
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), "ossaat-rules-"));
});
afterAll(() => rmSync(home, { recursive: true }));

const place = {
  OSSAAT_STORE: "postgres://u@localhost/d",
  OSSAAT_INTERNAL_KEY: "0a".repeat(32),
  OSSAAT_RUNNER_ADDRESS: "unix:/r",
  OSSAAT_INDEXER_ADDRESS: "unix:/i",
};

async function embedded(env: NodeJS.ProcessEnv) {
  const environment = { HOME: home, OSSAAT_RUN_MODE: "consumer", ...env };
  return serverRulesOf(await loadConfig({ environment, systemFile: path.join(home, "none") }));
}

const deployed = (env: NodeJS.ProcessEnv) =>
  readOrchestratorConfig({ ...place, OSSAAT_RUN_MODE: "consumer", ...env }).rules;

test("every rule has a place in both", async () => {
  expect(Object.keys(deployed({})).sort()).toEqual(Object.keys(await embedded({})).sort());
});

test.each<[string, string, string[]]>([
  ["OSSAAT_RUN_MODE", "enterprise", ["strict"]],
  ["OSSAAT_ALLOWED_MODELS", "anthropic/*, openai/gpt-5", ["a,,b", "a b"]],
  ["OSSAAT_SANDBOX_REQUIRED", "true", ["yes"]],
  ["OSSAAT_MAX_OPEN_STEPS", "20", ["0", "1.5", "10000001", "x"]],
  ["OSSAAT_SLOTS", "3", ["0", "x"]],
  ["OSSAAT_KEEP_DAYS", "3", ["0", "36501", "x"]],
  ["OSSAAT_MAX_RUNNING_PER_REPOSITORY", "2", ["0"]],
  ["OSSAAT_MAX_RUNNING_PER_PLAN", "2", ["0"]],
])("%s means the same in both", async (name, good, bad) => {
  const comparable = ({ dispatch, policyFiles, userAgentsDir: _dir, ...rest }: ServerRules) => ({
    ...rest,
    // What the orchestrator takes when nothing is said, which the embedded settings say.
    maxOpenSteps: rest.maxOpenSteps ?? 10_000,
    slots: rest.slots ?? 4,
    repository: dispatch.caps?.repository,
    plan: dispatch.caps?.plan,
    admin: policyFiles.admin,
  });
  const [one, many] = [comparable(await embedded({ [name]: good })), comparable(deployed({ [name]: good }))];
  expect(many).toEqual(one);
  expect(many).not.toEqual(comparable(deployed({})));
  for (const value of bad) {
    await expect(embedded({ [name]: value })).rejects.toThrow(name);
    expect(() => deployed({ [name]: value })).toThrow(name);
  }
});

test("a policy file that OSSAAT_ADMIN_POLICY names holds in both, beside the machine's", async () => {
  const named = { OSSAAT_ADMIN_POLICY: "/p.json" };
  const admin = [
    { path: "/etc/ossaat/policy.json", mustExist: false },
    { path: "/p.json", mustExist: true },
  ];
  expect([(await embedded(named)).policyFiles.admin, deployed(named).policyFiles.admin]).toEqual([admin, admin]);
});

test("caps bind whoever calls: in one process those that the administrator locked, in a deployment its variables", async () => {
  const env = { OSSAAT_MAX_COST_USD: "2.5", OSSAAT_MAX_TOKENS: "1000", OSSAAT_MAX_MINUTES: "7.5" };
  expect([(await embedded(env)).budgetCaps, deployed(env).budgetCaps]).toEqual([
    undefined,
    { maxCostUsd: 2.5, maxTokens: 1_000, maxMinutes: 7.5 },
  ]);
  for (const name of Object.keys(env)) {
    await expect(embedded({ [name]: "0" })).rejects.toThrow(name);
    expect(() => deployed({ [name]: "0" })).toThrow(name);
  }
});
