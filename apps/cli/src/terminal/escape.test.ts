import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { escapeExact, escapeLine, escapeLookAlikes, escapeText, goalLine } from "./escape.ts";

describe("what is shown", () => {
  test.each([
    ["a colour", "\u001b[31mred\u001b[0m", "\\x1b[31mred\\x1b[0m"],
    ["a link by OSC", "\u001b]8;;http://x\u0007y", "\\x1b]8;;http://x\\x07y"],
    ["a C1 control", "\u009b2J", "\\x9b2J"],
    ["a carriage return", "good\rbad!", "good\\x0dbad!"],
    ["an override of direction", "a\u202eb\u2066c", "a\\u{202e}b\\u{2066}c"],
    ["what has no width", "pay\u200bpal\ufe0f\u{e0041}\u3164", "pay\\u{200b}pal\\u{fe0f}\\u{e0041}\\u{3164}"],
    ["half of a pair", "\ud800x", "\\u{d800}x"],
  ])("has %s written out", (_name, text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  test("keeps plain text of every language, line feeds and tabs", () => {
    const text = "Füße, документ, 日本語, ελληνικά\n\ttab";
    expect(escapeText(text)).toBe(text);
    expect(escapeLine(text)).toBe("Füße, документ, 日本語, ελληνικά\\n\\ttab");
  });

  test("never moves the cursor, whatever the text (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
        expect(escapeLine(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});

describe("what is decided on", () => {
  test.each([
    ["раypal.com", "\\u{440}\\u{430}ypal.com"],
    ["аррӏе.com", "\\u{430}\\u{440}\\u{440}\\u{4cf}\\u{435}.com"],
    ["rm -rf ｈｏｍｅ", "rm -rf \\u{ff48}\\u{ff4f}\\u{ff4d}\\u{ff45}"],
    ["𝗌𝗎𝖽𝗈", "\\u{1d5cc}\\u{1d5ce}\\u{1d5bd}\\u{1d5c8}"],
    ["exаmple", "ex\\u{430}mple"],
  ])("has the look-alikes of %s written out", (text, shown) => {
    expect(escapeExact(text)).toBe(shown);
  });

  test.each(["документ.md", "src/日本語.ts", "naïve-café", "ελληνικά", "npm test"])("keeps %s", (text) => {
    expect(escapeExact(text)).toBe(text);
  });
});

test("prose keeps its short words, and shows only what is mixed", () => {
  expect(escapeLookAlikes("а с раypal")).toBe("а с \\u{440}\\u{430}ypal");
});

test("a goal of several lines is shown as one, and nothing in it acts", () => {
  expect(goalLine("\n First line.\n\n  second\u001b[2J\n")).toBe("First line. second\\x1b[2J");
});
