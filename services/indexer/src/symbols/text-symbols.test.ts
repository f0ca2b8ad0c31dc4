import { expect, test } from "vitest";

import { readTextSymbols } from "./text-symbols.ts";

test("languages without a grammar are read by their lines", () => {
  const text =
    "package demo\n\nclass Cart(val items: List<Item>) {\n    suspend fun total(): Int {\n        return 1\n    }\n}\n\ninterface Store\n";
  expect(readTextSymbols(text).map(({ name, kind, line, endLine }) => [name, kind, line, endLine])).toEqual([
    ["demo", "module", 1, 2],
    ["Cart", "class", 3, 3],
    ["total", "function", 4, 8],
    ["Store", "type", 9, 10],
  ]);
});

test("headings stand for the parts of a text", () => {
  expect(readTextSymbols("# Install\n\ntext\n\n## From source\n").map(({ name }) => name)).toEqual([
    "Install",
    "From source",
  ]);
});
