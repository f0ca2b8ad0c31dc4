import { expect, test } from "vitest";

import { wrapWords } from "./wrap-words.ts";

test.each<[string, string, number | undefined, string[]]>([
  ["nothing where there is no terminal", "a b ".repeat(40), undefined, ["a b ".repeat(40)]],
  ["nothing that fits", "Goal     make it better", 40, ["Goal     make it better"]],
  [
    "between words, under the text",
    "Goal     make every sum in the counter add up",
    30,
    ["Goal     make every sum in the", "         counter add up"],
  ],
  [
    "no word that is too long",
    "Hash     0123456789012345678901234567890 end",
    30,
    ["Hash     0123456789012345678901234567890", "         end"],
  ],
  [
    "wide characters by their columns",
    "Goal     日本語 日本語 日本語 日本",
    29,
    ["Goal     日本語 日本語 日本語", "         日本"],
  ],
  ["nothing where hardly a word fits", "Goal     make every sum add", 20, ["Goal     make every sum add"]],
])("breaks %s", (_name, text, columns, expected) => {
  expect(wrapWords(text, { columns, indent: 9 })).toEqual(expected);
});
