import { expect, it } from "vitest";

import { countEvalReport, readEvalReport } from "./read-eval-report.ts";

it("counts solved tasks, wrong oracles, and tasks left out without an excuse", () => {
  const results = [
    { oracle: "oracle", passed: true },
    { oracle: "claims-done", passed: true },
    { oracle: "oracle", passed: false },
  ];
  expect(countEvalReport({ results, left: [{ excused: true }, { excused: false }] })).toEqual({ passed: 2, failed: 2 });
});

it("says that a report is missing", () => {
  expect(() => readEvalReport("/nowhere/eval-tasks.json")).toThrow("no such file");
});
