// The card of a step that wants to start: everything its approval lets happen is on it.
import { describe, expect, test } from "vitest";

import { approvalCardOf } from "../testing/approval-card-of.ts";

const asked: Parameters<typeof approvalCardOf>[0] = {
  kind: "step",
  title: "Start step a: Do a",
  reason: "the step changed after the plan was approved",
  reaches: { paths: ["src/**"], hosts: ["api.example.org"], secrets: [], reversible: true },
  inputJson: '{"target":"x"}',
  step: {
    tools: ["read_file", "run_command"],
    commands: ["npm test", "node build.mjs"],
    successCheck: { kind: "command", argv: ["node", "check.mjs", "it's done"] },
    budget: { maxTokens: 20_000, maxCostUsd: 2, maxMinutes: 10 },
    timeoutSeconds: 0,
  },
  diff: '-envelope.commands: ["npm test"]\n+envelope.commands: ["npm test","node build.mjs"]',
};

const body = [
  "Start step a: Do a",
  "",
  "  tools   read_file, run_command",
  "  runs    $ npm test …",
  "  runs    $ node build.mjs …",
  "  done    when $ node check.mjs 'it'\\''s done' exits 0",
  "  budget  at most 20.0k tokens, $2, 10 minutes",
  '  input   {"target":"x"}',
  "",
  "  against what was approved:",
  '  -envelope.commands: ["npm test"]',
  '  +envelope.commands: ["npm test","node build.mjs"]',
  "",
  "Risk     low — the step changed after the plan was approved",
  "Reaches  writes src/**; hosts api.example.org; no secrets; reversible",
];
const linesOf = (text: string) => text.split("\n").map((line) => line.trimEnd());

describe("the card of a step", () => {
  test.each([
    ["", { color: false, plain: true, wordsOnly: true }],
    ["| ", { color: false, plain: true, wordsOnly: false }],
    ["│ ", { color: false, plain: false, wordsOnly: false }],
  ] as const)("shows all that its start lets happen, behind the bar %j", (bar, style) => {
    const lines = linesOf(approvalCardOf(asked, style));
    expect(lines.slice(0, body.length)).toEqual(body.map((line) => `${bar}${line === "" ? "" : line}`.trimEnd()));
  });

  test("says what is not bounded, not run and not proved by a command", () => {
    const step = { tools: [], commands: [], successCheck: { kind: "changes" as const }, budget: {}, timeoutSeconds: 0 };
    const { inputJson: _input, diff: _diff, ...bare } = asked;
    expect(linesOf(approvalCardOf({ ...bare, step })).slice(2, 6)).toEqual([
      "  tools   none",
      "  runs    no command without a further question",
      "  done    when it changed a file",
      "  budget  no cap of its own",
    ]);
  });

  test("writes out what would hide or pretend", () => {
    const evil = "n\u043ede\u202e x\u001b[2J\ny";
    const card = approvalCardOf({
      ...asked,
      inputJson: evil,
      diff: `+${evil}`,
      step: { ...asked.step!, tools: [evil], commands: [evil], successCheck: { kind: "command", argv: [evil] } },
    });
    const escaped = String.raw`n\u{43e}de\u{202e} x\x1b[2J\ny`;
    expect(linesOf(card).filter((line) => line.includes(escaped)).length).toBe(4);
    for (const character of ["\u202e", "\u001b", "\u043e"]) expect(card).not.toContain(character);
  });
});
