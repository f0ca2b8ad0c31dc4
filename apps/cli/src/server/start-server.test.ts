import { expect, test } from "vitest";

import { lastWords } from "./start-server.ts";

const line = '{"level":"info","msg":"older"}';

test.each<[string, string, object]>([
  [
    "its own error first, with its advice",
    `${line}\nossaat: old.\nNext: old\nossaat: The database is damaged.\nNext: mv a b\n`,
    { message: ": The database is damaged.", next: "mv a b" },
  ],
  [
    "an error before its stack",
    `ossaat: It broke.\n${"    at f (x.ts:1:1)\n".repeat(20)}Next: ossaat doctor\n`,
    { message: ": It broke.", next: "ossaat doctor" },
  ],
  ["an error without advice", "ossaat: It broke.\n", { message: ": It broke." }],
  ["the end of a log without an error", `${line}\n${line}\n`, { message: `.\n${line}\n${line}` }],
  ["nothing of an empty log", "", { message: ".\n" }],
])("names %s", (_name, log, expected) => {
  expect(lastWords(log)).toEqual(expected);
});
