import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { providerLimits } from "./limits.ts";
import { refusalReason } from "./refusal-reason.ts";

// NOTE: put together at run time, so that no scanner of the repository takes it for a real one.
const key = ["sk-", "proj-", "Q7x2Lm9Kp4Rt8Vw1Zs6Yb3Nc5Df0Gh"].join("");

describe("refusalReason", () => {
  test.each<[string, unknown, string | undefined]>([
    ["a plain sentence", "max_tokens is too large: 16000", "max_tokens is too large: 16000"],
    [
      "the name of a model",
      "The model `claude-sonnet-4-5-20250929` does not exist",
      "The model `claude-sonnet-4-5-20250929` does not exist",
    ],
    ["lines", "first\n\n  second\tthird ", "first second third"],
    ["the key", `Incorrect API key provided: ${key}.`, "Incorrect API key provided: [redacted]"],
    ["the key in a sentence", `You sent ${key} to us`, "You sent [redacted] to us"],
    ["the end of the key", `It ends in ${key.slice(-9)}, which is wrong`, "It ends in [redacted], which is wrong"],
    ["a masked key", "Incorrect key sk-ab*****yz, see /keys", "Incorrect key [redacted], see /keys"],
    ["a key with dots", "Bad key sk-ab...yz9 here", "Bad key [redacted] here"],
    ["a key of nobody here", "no such token: hunter2hunter", "no such token: [redacted]"],
    ["a long id", "org 7f3kd93kd83jd74jf93kf0 is off", "org [redacted] is off"],
    ["a bearer", "Authorization: Bearer abcdef", "Authorization: [redacted]"],
    ["an escape sequence", "\u001b[31mred\u001b[0m", "\\u{1b}[31mred\\u{1b}[0m"],
    ["text that runs backwards", "a\u202Eb\u200Bc", "a\\u{202e}b\\u{200b}c"],
    ["nothing", "  \n", undefined],
    ["no text", { a: 1 }, undefined],
  ])("%s", (_name, message, expected) => {
    expect(refusalReason(message, [key])).toBe(expected);
  });

  test("is bounded", () => {
    const reason = refusalReason("wrong ".repeat(1_000), [key]);
    expect(reason?.length).toBe(providerLimits.maxReasonChars);
    expect(reason?.endsWith("…")).toBe(true);
  });

  test("holds no part of a key, wherever the text has it", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", ".", ":", "'"), maxLength: 260 });
    const place = fc.record({ before: letters, after: letters, from: fc.nat(key.length - 8) });
    fc.assert(
      fc.property(place, ({ before, after, from }) => {
        const reason = refusalReason(`${before}${key.slice(from)}${after}`, [key]) ?? "";
        const { minKeyPartChars } = providerLimits;
        for (let at = 0; at + minKeyPartChars <= reason.length; at += 1) {
          expect(key).not.toContain(reason.slice(at, at + minKeyPartChars));
        }
      }),
    );
  });
});
