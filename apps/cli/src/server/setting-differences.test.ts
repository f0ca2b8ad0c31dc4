import { expect, test } from "vitest";

import { loadConfig, settingProofs } from "../config.ts";
import { keptNotice, settingDifferences } from "./setting-differences.ts";

const token = "t".repeat(64);
const configOf = (environment: NodeJS.ProcessEnv) =>
  loadConfig({ environment: { HOME: "/nonexistent", ...environment }, systemFile: "/nonexistent/ossaat.yaml" });

const url = "http://127.0.0.1:1/v1";
const none = { missing: [], changed: [], kept: [] };

test.each<[string, NodeJS.ProcessEnv, NodeJS.ProcessEnv, object]>([
  ["the same", { OPENAI_API_KEY: "a" }, { OPENAI_API_KEY: "a" }, none],
  ["a key the server lacks", {}, { OPENAI_API_KEY: "a" }, { ...none, missing: ["OPENAI_API_KEY"] }],
  ["another key", { OPENAI_API_KEY: "a" }, { OPENAI_API_KEY: "b" }, { ...none, changed: ["OPENAI_API_KEY"] }],
  ["a key of the server's alone", { OPENAI_API_KEY: "a" }, {}, { ...none, kept: ["OPENAI_API_KEY"] }],
  ["an address of the server's alone", { OPENAI_BASE_URL: url }, {}, { ...none, kept: ["OPENAI_BASE_URL"] }],
  [
    "another vendor",
    { OPENAI_BASE_URL: url, OPENAI_API_KEY: "a" },
    { OPENAI_API_KEY: "b", ANTHROPIC_API_KEY: "c" },
    { missing: ["ANTHROPIC_API_KEY"], changed: ["OPENAI_API_KEY"], kept: ["OPENAI_BASE_URL"] },
  ],
])("%s", async (_name, server, shell, expected) => {
  const theirs = { token, settingProofs: settingProofs(await configOf(server), token) };
  expect(settingDifferences(await configOf(shell), theirs)).toEqual(expected);
});

test("what the server alone has is named with the command that mends it", () => {
  expect([keptNotice([]), keptNotice(["OPENAI_BASE_URL"])]).toEqual([
    undefined,
    "The running server still uses OPENAI_BASE_URL, which is not set in this shell. Next: `ossaat down` ends it; the next command starts one without it.",
  ]);
});
