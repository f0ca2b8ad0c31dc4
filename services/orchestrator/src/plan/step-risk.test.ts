import type { Step } from "@ossaat/contracts";
import { testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { withRuleRisk } from "./step-risk.ts";

const rated = (envelope: Partial<Step["envelope"]>, changes: Partial<Step> = {}) => {
  const { risk, metadata } = withRuleRisk(testStep("a", { files: [], ...changes, needs: [], envelope }));
  return [risk, metadata];
};
const files = (count: number) => Array.from({ length: count }, (_, index) => `src/f${index}.ts`);

test.each<[string, Partial<Step["envelope"]>, unknown[]]>([
  ["ordinary files and the tests are low", { paths: ["src/a.ts", "docs/**"], commands: ["npm test"] }, ["low", {}]],
  [
    "a protected file is high and named",
    { paths: ["src/a.ts", ".github/workflows/ci.yml", "AGENTS.md"] },
    [
      "high",
      {
        riskReason: ".github/workflows/ci.yml configures agents, automation or secrets",
        protectedPaths: ".github/workflows/ci.yml, AGENTS.md",
      },
    ],
  ],
  [
    "what decides on installed code is medium",
    { paths: ["package.json"] },
    ["medium", { riskReason: "package.json decides what is installed or built" }],
  ],
  ["twenty files are low", { paths: files(20) }, ["low", {}]],
  ["more are medium", { paths: files(21) }, ["medium", { riskReason: "may write more than 20 files or patterns" }]],
  [
    "a glob over everything is medium",
    { paths: ["**"] },
    ["medium", { riskReason: "** reaches over the whole repository" }],
  ],
  [
    "a host is medium",
    { egressHosts: ["packages.example.com"] },
    ["medium", { riskReason: "may send what it reads to packages.example.com" }],
  ],
  [
    "a secret on the network is high",
    { egressHosts: ["packages.example.com"], secrets: ["npm"] },
    ["high", { riskReason: "uses the secrets npm on the network" }],
  ],
  ["a secret that is not used is low", { secrets: ["npm"] }, ["low", {}]],
  ["a command that destroys is high", { commands: ["rm -rf build"] }, ["high", { riskReason: "rm can destroy files" }]],
  [
    "a command that installs is medium",
    { commands: ["npm install"] },
    ["medium", { riskReason: "npm install can run code of packages" }],
  ],
])("%s", (_name, envelope, expected) => {
  expect(rated(envelope)).toEqual(expected);
});

test("the planner's word counts only when it is higher", () => {
  expect([
    rated({ paths: ["src/a.ts"] }, { risk: "medium" }),
    rated({ paths: [".npmrc"] }, { risk: "medium" })[0],
  ]).toEqual([["medium", {}], "high"]);
});

test("notes of an earlier rating go when their reason is gone", () => {
  const before = withRuleRisk(testStep("a", { envelope: { paths: [".npmrc"] }, metadata: { own: "kept" } }));
  const after = withRuleRisk({ ...before, risk: "low", envelope: { ...before.envelope, paths: ["src/a.ts"] } });
  expect([after.risk, after.metadata]).toEqual(["low", { own: "kept" }]);
});
