import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { Capabilities } from "@ossaat/providers";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";

import { createFileArtifacts } from "../artifact/adapters/files.ts";
import { outputTokens, turnToCompact, windowChars, writeDigest } from "./compact-context.ts";
import { fairShare, loadConversation } from "./conversation.ts";
import { readHistory } from "./history.ts";
import type { CallRecord, StepHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";

const folder = mkdtempSync(path.join(tmpdir(), "ossaat-digest-"));
const artifacts = createFileArtifacts(folder);
afterAll(() => rmSync(folder, { recursive: true }));

const capabilities = (changes: Partial<Capabilities>) => changes as Capabilities;

type Told = { turn: number; text?: string; state?: "completed" | "failed"; exitCode?: number; summary?: string };

function historyOf(told: readonly Told[], changes: Partial<StepHistory> = {}): StepHistory {
  const calls = told.map(({ turn, text = "output", state = "completed", exitCode, summary = "Done." }): CallRecord => {
    const callId = `${turn}.0`;
    const exit = exitCode === undefined ? {} : { exitCode };
    const finished = { callId, tool: "run_command", state, summary, output: { value: { text } }, seconds: 0, ...exit };
    return { callId, tool: "run_command", title: `run number ${turn}`, finished };
  });
  return { ...readHistory([]), finishedCalls: calls, ...changes };
}

describe("a model's window", () => {
  test("leaves room for the answer; an unknown one is assumed", () => {
    const known = capabilities({ contextTokens: 200_000, maxOutputTokens: 8_000 });
    const small = capabilities({ contextTokens: 8_000 });
    expect([outputTokens(known), windowChars(known)]).toEqual([8_000, 576_000]);
    expect([outputTokens(small), windowChars(small)]).toEqual([2_000, 18_000]);
    expect([outputTokens(capabilities({})), windowChars(capabilities({}))]).toEqual([16_000, 336_000]);
  });
});

describe("which turns leave", () => {
  const sizes = (...chars: number[]) => chars.map((size, index) => ({ turn: index + 1, chars: size }));

  test("the older ones, so that the newest fit into their share", () => {
    expect(turnToCompact(sizes(10, 10, 10, 10, 10), 60)).toBe(3);
    expect(turnToCompact(sizes(10, 10, 10, 90), 60)).toBe(3);
    expect(turnToCompact(sizes(10, 10), 1_000)).toBe(1);
  });

  test("none when there is but one", () => {
    expect([turnToCompact(sizes(500), 10), turnToCompact([], 10)]).toEqual([undefined, undefined]);
  });

  test("for any sizes: the newest stays, and something leaves while there are two", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 40 }), fc.nat(5_000), (chars, room) => {
        const turn = turnToCompact(sizes(...chars), room);
        const isSound = turn !== undefined && turn >= 1 && turn < chars.length;
        expect(isSound).toBe(chars.length >= 2);
      }),
    );
  });
});

describe("the digest", () => {
  test("tells each call in a line, and the last failures in full", async () => {
    const history = historyOf(
      [
        { turn: 1 },
        { turn: 2, exitCode: 1, text: "expected 1, got 2", summary: "Exit 1." },
        { turn: 3, state: "failed", text: "no such file", summary: "Failed." },
        { turn: 4, text: "not told yet" },
      ],
      { guidance: [{ afterTurn: 3, kind: "check_failed", text: "The tests fail." }] },
    );
    expect(await writeDigest(artifacts, history, 3)).toBe(
      [
        "# What happened in turns 1 to 3",
        "The conversation was shortened by the platform. Your edits are in the working tree; read a file again before you rely on what you remember of it.",
        "# Your calls, oldest first",
        "- 1.0 run number 1: completed; Done.",
        "- 2.0 run number 2: completed, exit 1; Exit 1.",
        "- 3.0 run number 3: failed; Failed.",
        "# The last failures",
        "## 2.0 run number 2 (completed)",
        "expected 1, got 2",
        "## 3.0 run number 3 (failed)",
        "no such file",
        "## Your result was not accepted",
        "The tests fail.",
      ].join("\n"),
    );
  });

  test("is bounded, and says how many calls it leaves out", async () => {
    const told = Array.from({ length: 400 }, (_, index) => ({
      turn: index + 1,
      state: "failed" as const,
      text: "x".repeat(50_000),
      summary: "y".repeat(500),
    }));
    const digest = await writeDigest(artifacts, historyOf(told), 400);
    expect(digest.length).toBeLessThan(stepLimits.maxDigestChars + 500);
    expect(digest).toMatch(/^- … \d+ calls before\n- \d+\.0 /mu);
    expect(digest).toContain("- 400.0 run number 400: failed;");
  });
});

describe("a conversation after a compaction", () => {
  const stored = (text: string) => ({ value: { role: "assistant", parts: [{ type: "text", text }] } });
  const turn = (number: number) => ({
    turn: number,
    message: stored(`answer ${number}`),
    finishReason: "stop",
    toolCalls: 0,
    tokens: 1,
    costUsd: 0,
  });
  const history: StepHistory = {
    ...readHistory([]),
    context: { agent: "a", message: { value: { text: "the plan" } }, sources: [] },
    turns: [turn(1), turn(2), turn(3)],
    guidance: [{ afterTurn: 2, kind: "length", text: "gone" }],
    compaction: { throughTurn: 2, digest: { value: { text: "the digest" } }, chars: 9, cause: "window" },
  };

  test("keeps system prompt and plan, tells the digest, then the turns after it", async () => {
    const { messages, turns } = await loadConversation(artifacts, history, { systemPrompt: "rules", room: 1_000 });
    expect(turns.map((loaded) => loaded.turn)).toEqual([3]);
    expect(messages).toEqual([
      { role: "system", parts: [{ type: "text", text: "rules", cacheHint: true }] },
      {
        role: "user",
        parts: [
          { type: "text", text: "the plan", cacheHint: true },
          { type: "text", text: "the digest", cacheHint: true },
        ],
      },
      { role: "assistant", parts: [{ type: "text", text: "answer 3" }] },
    ]);
  });
});

test("results share their room fairly: together never more, and what is short stays whole", () => {
  expect([fairShare([10, 10], 100), fairShare([10, 500, 500], 110), fairShare([], 5)]).toEqual([100, 50, 5]);
  fc.assert(
    fc.property(fc.array(fc.nat(2_000), { maxLength: 20 }), fc.nat(10_000), (lengths, room) => {
      const share = fairShare(lengths, room);
      const total = lengths.reduce((sum, length) => sum + Math.min(length, share), 0);
      const isWhole = lengths.every((length) => length <= share);
      return total <= room && (isWhole || lengths.reduce((sum, length) => sum + length, 0) > room);
    }),
  );
});
