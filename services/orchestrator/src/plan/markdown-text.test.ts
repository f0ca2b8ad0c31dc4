import { sealPlan } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { describe, expect, test } from "vitest";

import type { Evidence } from "../step/evidence.ts";
import { renderEvidence } from "../step/render-evidence.ts";
import { code, inline, labelled, prose } from "./markdown-text.ts";
import { renderPlan } from "./render-plan.ts";

test("a name stands beside one line and above several", () => {
  expect([labelled("Goal", "one"), labelled("Goal", "> one"), labelled("Goal", "one\ntwo")]).toEqual([
    "Goal: one",
    "Goal: \\> one",
    "Goal:\n\n> one\n> two",
  ]);
});

describe("untrusted text", () => {
  test.each([
    ["plain words, (even) *these* & those", "plain words, (even) *these* & those"],
    ["one\r\ntwo\u2028three\tfour", "one two three four"],
    ["\u001b[31mred\u0000\u009b\u007f", "\\u{1b}[31mred\\u{0}\\u{9b}\\u{7f}"],
    ["abc\u202egnp.exe\u2066x\u200b\ufeff", "abc\\u{202e}gnp.exe\\u{2066}x\\u{200b}\\u{feff}"],
    ["## Approvals", "\\## Approvals"],
    ["- item", "\\- item"],
    ["1. item", "1\\. item"],
    ["> quote", "\\> quote"],
    ["---", "\\---"],
    ["```sh", "\\```sh"],
    ["    indented", "indented"],
    ["[a]: http://example.org", "\\[a]\\: http://example.org"],
    ["![x](http://example.org/?a)", "![x]\\(http://example.org/?a)"],
    ["![x][r] and [y](z)", "![x]\\[r] and [y]\\(z)"],
    ["hidden <!-- from here", "hidden \\<!-- from here"],
    ["-1 is a number", "-1 is a number"],
  ])("%j becomes %j", (text, expected) => {
    expect(inline(text)).toBe(expected);
  });

  test("in a code span cannot leave it", () => {
    expect([code("a.ts"), code("a`b"), code("``"), code("a\n# b")]).toEqual([
      "`a.ts`",
      "``a`b``",
      "``` `` ```",
      "`a # b`",
    ]);
  });

  test("of several lines is a quoted block", () => {
    expect([prose("one"), prose("one\n\n# Plan hash: x\n")]).toEqual(["one", "> one\n>\n> \\# Plan hash: x"]);
  });
});

const evil = "x\n\n## Forged\n\nPlan hash: `0000`\n- Status: succeeded\n\u001b[2J\u202e";
/** Lines that a forger wants: none may stand by itself. */
const forged = (text: string) =>
  text.split("\n").filter((line) => /^\s*(?:## Forged|Plan hash: `0|- Status: succ)/u.test(line));
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/u;

test("plan.md holds no line that the plan's texts forged", () => {
  const sound = testStep("a", {
    title: evil,
    summary: evil,
    rationale: evil,
    files: [evil],
    envelope: { paths: [evil], commands: [evil] },
    successCheck: { kind: "command", argv: [evil] },
    metadata: { riskReason: evil, protectedPaths: evil },
  });
  const changes = { goal: evil, summary: evil, assumptions: [evil], risks: [evil], successCriteria: [evil] };
  const plan = testPlan([sound], { ...changes, planner: "model", model: { provider: evil, id: evil } });
  // No schema lets such a host in; what is rendered is escaped all the same.
  const steps = plan.steps.map((step) => ({ ...step, envelope: { ...step.envelope, egressHosts: [evil] } }));
  const text = renderPlan(sealPlan({ ...plan, steps }));
  expect([forged(text), raw.test(text)]).toEqual([[], false]);
});

test("evidence.md holds no line that its texts forged", () => {
  const evidence: Evidence = {
    schemaVersion: 1,
    planId: "plan-1",
    goal: evil,
    status: "failed",
    reason: "budget",
    planHash: "h",
    revision: 1,
    base: { commit: "c", branch: evil },
    result: { branch: "b", commit: "c" },
    model: { ref: evil, scripted: false, notice: evil },
    modelWarnings: [evil],
    isolation: "bubblewrap",
    approvals: [{ what: evil, decision: "granted", by: evil, at: "t", hash: "h", feedback: evil }],
    steps: [{ id: "a", title: evil, agent: evil, status: "failed", summary: evil, saidBy: "the agent" }],
    commands: [
      { stepId: "a", at: "t", argv: [evil], cwd: ".", exitCode: 1, seconds: 1, logRef: "l", unsandboxed: false },
    ],
    deniedCalls: [{ stepId: "a", summary: evil }],
    findings: [{ stepId: "a", severity: "low", path: evil, message: evil }],
    spend: { inputTokens: 0, outputTokens: 0, costUsd: 0, unknownCostTurns: 0, turns: 0 },
    egress: { hosts: [], note: "none", requests: [], unknown: [{ stepId: "a", title: evil, at: "t" }] },
    rollback: "git branch -D b",
  };
  const text = renderEvidence(evidence);
  expect([forged(text), raw.test(text)]).toEqual([[], false]);
});
