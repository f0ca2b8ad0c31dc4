import { expect, it } from "vitest";

import { buildReport } from "./build-report.ts";

const counts = (passed: number, failed: number) => ({ passed, failed, failures: [] });

it.each([
  [counts(3, 0), 0, false, "passed"],
  [counts(3, 0), 1, false, "crashed"],
  [counts(3, 0), null, true, "timeout"],
  [counts(3, 1), 1, false, "failed"],
  [counts(3, 1), 0, false, "failed"],
  [counts(0, 0), 0, false, "no_tests"],
  [counts(0, 0), 5, false, "no_tests"],
  [{ ...counts(3, 0), isBrokenOff: true }, 0, false, "crashed"],
  [{ ...counts(3, 1), isBrokenOff: true }, 1, false, "crashed"],
  [undefined, 0, false, "no_tests"],
  [undefined, 1, false, "crashed"],
  [undefined, null, false, "crashed"],
] as const)("%j with exit %s (timed out: %s) is %s", (found, exitCode, timedOut, status) => {
  expect(buildReport("r", found, { exitCode, timedOut }).status).toBe(status);
});

it("leaves an unknown count out instead of calling it 0", () => {
  expect(buildReport("r", undefined, { exitCode: 1, timedOut: false })).toEqual({
    runner: "r",
    status: "crashed",
    failures: [],
  });
});
