import { expect, test } from "vitest";

import { lacksNext } from "./run-ossaat.ts";

test.each([
  ["an error with both lines", 2, "ossaat: No.\nFault: what was asked for\nNext: ossaat --help\n", false],
  ["an error without a next command", 2, "ossaat: No.\nFault: what was asked for\n", true],
  ["an error without a fault", 2, "ossaat: No.\nNext: ossaat --help\n", true],
  ["a notice of a command that succeeded", 0, "ossaat: the project's model is not trusted\n", false],
  ["a run that failed", 3, "failed  a goal\nNext      ossaat logs plan-1\n", false],
])("%s", (_what, code, stderr, isLacking) => {
  expect(lacksNext({ code, stdout: "", stderr })).toBe(isLacking);
});
