// What a plan's check says about hosts: one row for each, and the rules that a call may still meet.
import { AgentFrontMatter } from "@ossaat/contracts";
import type { AgentProfile } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { parsePolicyFile, shippedPolicy } from "@ossaat/policy/decision";
import { expect, test } from "vitest";

import { checkPlan } from "./check-plan.ts";

const capabilities = ["repo.read", "repo.write", "test.run", "network.egress"];
const writer: AgentProfile = {
  ...AgentFrontMatter.parse({ name: "code-writer", capabilities }),
  instructions: "",
  source: "built-in",
  path: "agent.md",
  hash: "0".repeat(64),
};

async function rowsOf({
  egressHosts,
  held = writer.capabilities,
}: {
  egressHosts: string[];
  held?: AgentProfile["capabilities"];
}) {
  const rule = { id: "no-evil", effect: "deny", hosts: ["*.evil.example"] };
  const parsed = parsePolicyFile(JSON.stringify({ rules: [rule] }), { file: "admin.json", name: "admin" });
  if (!("layer" in parsed)) throw new Error("the policy file is not valid");
  const envelope = { tools: ["read_file", "run_command", "run_tests"], paths: [], commands: ["npm test"], egressHosts };
  const { tools: rows } = checkPlan(
    { engine: await shippedPolicy(), layers: [parsed.layer], runMode: "consumer" },
    {
      plan: testPlan([testStep("a", { envelope })]),
      profiles: new Map([["code-writer", { ...writer, capabilities: held }]]),
      approved: undefined,
      costUsd: 0,
      runModes: { server: "consumer", plan: "consumer" },
    },
  );
  return rows.map(({ tool, about, outcome, deny, conditions }) => [
    `${outcome} ${tool} ${about}`.trim(),
    ...deny.map(({ reason, rule: name }) => `${reason} ${name}`),
    ...conditions.map(({ when }) => `for ${when}`),
  ]);
}

test("each host of a step has its row, for each tool that runs programs", async () => {
  const [denied, condition] = ["egress_not_allowed no-evil", "for hosts *.evil.example"];
  expect(await rowsOf({ egressHosts: ["good.example.org", "GET https://api.evil.example/v1/*"] })).toEqual([
    ["allow read_file"],
    ["deny run_command", denied, condition],
    ["deny run_command npm test", denied],
    ["allow run_command reaching good.example.org", condition],
    ["deny run_command reaching GET https://api.evil.example/v1/*", denied, condition],
    ["deny run_tests", denied, condition],
    ["allow run_tests reaching good.example.org", condition],
    ["deny run_tests reaching GET https://api.evil.example/v1/*", denied, condition],
  ]);
});

test("a command of a step without hosts may still ask for some: the rule is shown", async () => {
  expect(await rowsOf({ egressHosts: [] })).toEqual([
    ["allow read_file"],
    ["allow run_command", "for hosts *.evil.example"],
    ["allow run_command npm test"],
    ["allow run_tests"],
  ]);
});

test("hosts of an agent that may not reach the network are denied", async () => {
  const rows = await rowsOf({ egressHosts: ["good.example.org"], held: ["repo.read", "test.run"] });
  expect(rows.filter(([text]) => text?.includes("reaching"))).toEqual(
    ["run_command", "run_tests"].map((tool) => [
      `deny ${tool} reaching good.example.org`,
      "egress_not_allowed capability_not_held",
      "for hosts *.evil.example",
    ]),
  );
});
