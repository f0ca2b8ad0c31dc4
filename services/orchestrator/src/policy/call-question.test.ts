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

test.each<[string, ToolName, object, string[]]>([
  ["a whole file", "write_file", { content: "a\nb\n" }, ["+++ b/x", "+a", "+b"]],
  ["a file with an empty last line", "write_file", { content: "a\n\n" }, ["+++ b/x", "+a", "+"]],
  ["a file cut short", "write_file", { content: "a" }, ["+++ b/x", "+a", "\\ No newline at end of file"]],
  ["an empty file", "write_file", { content: "" }, ["+++ b/x", "\\ The file is empty"]],
  ["an edit", "edit_file", { oldText: "a\n", newText: "b\nc\n" }, ["--- a/x", "+++ b/x", "-a", "+b", "+c"]],
  ["an edit within a line", "edit_file", { oldText: "a", newText: "b" }, ["--- a/x", "+++ b/x", "-a", "+b"]],
  [
    "an edit of an end",
    "edit_file",
    { oldText: "a\n", newText: "a" },
    ["--- a/x", "+++ b/x", "-a", "+a", "\\ No newline at end of file"],
  ],
  ["a removal", "edit_file", { oldText: "a\n", newText: "" }, ["--- a/x", "+++ b/x", "-a"]],
])("the card of %s has a line for each of its lines", (_name, tool, input, lines) => {
  expect(cardOf(tool, { path: "x", ...input }).diff?.split("\n")).toEqual(lines);
});
