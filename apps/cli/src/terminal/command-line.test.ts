import { execFileSync } from "node:child_process";

import fc from "fast-check";
import { expect, test } from "vitest";

import { commandLine, shellQuote, splitWords } from "./command-line.ts";

test("plain words stay, others are quoted so that nothing in them acts", () => {
  expect(commandLine(["ossaat", "-C", "/a b", "show", "it's", "$(id)", "*"])).toBe(
    `ossaat -C '/a b' show 'it'\\''s' '$(id)' '*'`,
  );
  expect(shellQuote("")).toBe("''");
  expect(shellQuote("a\u202eb")).not.toContain("\u202e");
});

test("a real shell reads back the same words (property)", () => {
  const word = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary-ascii" }),
    fc.constantFrom("\n", "a\n", "-n", "~", "!x"),
  );
  fc.assert(
    fc.property(
      fc.array(
        word.filter((text) => !text.includes("\0") && !text.endsWith("\n")),
        { minLength: 1, maxLength: 8 },
      ),
      (words) => {
        const line = commandLine(words);
        expect(["\n", "\r", "\u001b"].filter((character) => line.includes(character))).toEqual([]);
        const read = execFileSync("sh", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" });
        expect(read.split("\0").slice(0, -1)).toEqual(words);
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  ["vi", ["vi"]],
  ["code --wait", ["code", "--wait"]],
  ['"/a b/edit" -x', ["/a b/edit", "-x"]],
  ["'/a b/edit' it\\'s", ["/a b/edit", "it's"]],
  ["/a\\ b/edit", ["/a b/edit"]],
  ["vi; rm -rf ~", ["vi;", "rm", "-rf", "~"]],
  ["$(id) `id` $HOME *", ["$(id)", "`id`", "$HOME", "*"]],
  ["'open", ["open"]],
  ["  ", []],
])("the words of the setting %j", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

test("what is quoted for a shell is read back (property)", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ -~]{1,12}$/u), { minLength: 1, maxLength: 5 }), (words) => {
      expect(splitWords(commandLine(words))).toEqual(words);
    }),
  );
});
