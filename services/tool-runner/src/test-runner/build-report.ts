// From counts and the way the process ended to one status. "Passed" needs a test that ran and
// passed; nothing else is ever called so.
import type { TestReport } from "@ossaat/contracts";

import type { SandboxResult } from "../sandbox/sandbox.ts";
import { reportLimits } from "../tool/limits.ts";
import type { Counts } from "./counts.ts";

type Ending = Pick<SandboxResult, "exitCode" | "timedOut">;

function statusOf(counts: Counts | undefined, { exitCode, timedOut }: Ending): TestReport["status"] {
  if (timedOut) return "timeout";
  if (counts?.isBrokenOff === true) return "crashed";
  if ((counts?.failed ?? 0) > 0) return "failed";
  const passed = counts?.passed ?? 0;
  if (passed > 0) return exitCode === 0 ? "passed" : "crashed";
  // pytest (and unittest from 3.12 on) exit 5 when there was nothing to run.
  const foundNothing = counts !== undefined && (exitCode === 0 || exitCode === 5 || counts.passed === 0);
  if (foundNothing) return "no_tests";
  return exitCode === 0 ? "no_tests" : "crashed";
}

export function buildReport(runner: string, counts: Counts | undefined, ending: Ending): TestReport {
  const { failures = [], isBrokenOff: _ending, ...numbers } = counts ?? {};
  return {
    runner,
    status: statusOf(counts, ending),
    ...numbers,
    failures: failures.slice(0, reportLimits.maxFailures),
  };
}
