import { Envelope } from "@ossaat/contracts";
import type { ToolName } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { callQuestion } from "./call-question.ts";

const cardOf = (tool: ToolName, input: unknown, isSandboxed = true) =>
  callQuestion({
    agent: "code-writer",
    tool,
    input,
    inputJson: JSON.stringify(input),
    workspaceId: "w",
    envelope: Envelope.parse({}),
    policyHash: "p",
    what: "do it",
    isSandboxed,
  });
const command = { argv: ["make", "all"], cwd: "." };

test("the card of a command says that it may change any file", () => {
  const { reaches, rule } = cardOf("run_command", command);
  expect([reaches, rule, cardOf("run_tests", {}).reaches.paths]).toEqual([
    { paths: ["any file that is not protected"], hosts: [], secrets: [], reversible: true },
    { tool: "run_command", commands: ["make all"], paths: [] },
    ["any file that is not protected"],
  ]);
});

test("the card of a command without a sandbox promises no way back and no bounds", () => {
  expect(cardOf("run_command", command, false).reaches).toEqual({
    paths: ["any file of this machine: there is no sandbox"],
    hosts: ["any host: there is no sandbox"],
    secrets: [],
    reversible: false,
  });
});

test("the card of an edit names its file, with or without a sandbox", () => {
  const input = { path: "src/a.ts", content: "x", overwrite: false };
  const reaches = { paths: ["src/a.ts"], hosts: [], secrets: [], reversible: true };
  expect([cardOf("write_file", input).reaches, cardOf("write_file", input, false).reaches]).toEqual([reaches, reaches]);
});

test("the card of a command that asks for hosts names them, and so does its rule", () => {
  const { reaches, rule, risk } = cardOf("run_command", { ...command, hosts: ["api.example.org"] });
  expect([reaches.hosts, rule?.commands, risk]).toEqual([
    ["api.example.org"],
    ["make all reaching api.example.org"],
    "high",
  ]);
});
