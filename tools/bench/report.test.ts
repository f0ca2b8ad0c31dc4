import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { expect, test } from "vitest";

import type { Result } from "./measure.ts";
import { renderHead, renderRow, renderSummary, runBenches, writeReport } from "./report.ts";
import type { Bench, Report } from "./report.ts";

const row: Result = {
  id: "cli.version",
  value: 31.25,
  unit: "ms of CPU",
  baseline: 25,
  baselineName: "node -e 0",
  ratio: 1.25,
  goal: { of: "ratio", relation: "≤", limit: 1.25 },
  holds: true,
  noise: 0.034,
};
const missed: Result = {
  ...row,
  id: "restart",
  value: 2.5,
  unit: "s",
  baseline: null,
  baselineName: null,
  ratio: null,
  goal: { of: "value", relation: "≤", limit: 2 },
  holds: false,
  noise: 0,
};

test("a row says what was measured, against what, and whether the goal holds", () => {
  const columns = (line: string) => line.split(/\s{2,}/u);
  expect(columns(renderHead())).toEqual(["measured", "value", "baseline", "ratio", "goal", "holds", "baseline is"]);
  expect(columns(renderRow(row))).toEqual([
    "cli.version",
    "31.3 ms of CPU ±3%",
    "25.0",
    "1.25",
    "≤ 1.25",
    "yes",
    "node -e 0",
  ]);
  expect(columns(renderRow(missed))).toEqual(["restart", "2.50 s", "-", "-", "≤ 2 s", "NO", "-"]);
  const stated: Result = { ...missed, id: "memory", value: 210, unit: "MB", goal: null, holds: null };
  expect(columns(renderRow(stated))).toEqual(["memory", "210 MB", "-", "-", "stated", "-", "-"]);
});

test("a goal that is missed stands in the summary and fails nothing", () => {
  expect(renderSummary({ results: [row, missed], errors: [] })).toBe("1 of 2 goals hold; missed: restart");
});

test("a measurement that fails or gives no row is an error, and the others go on", async () => {
  const benches: Bench[] = [
    { ids: ["a.one", "a.two"], run: () => Promise.reject(new Error("no sandbox on this machine")) },
    { ids: ["cli.version", "cli.runs"], run: () => Promise.resolve([row]) },
  ];
  const lines: string[] = [];
  const outcome = await runBenches(benches, (line) => lines.push(line));
  expect(outcome).toEqual({
    results: [row],
    errors: [
      { id: "a.one", message: "no sandbox on this machine" },
      { id: "a.two", message: "no sandbox on this machine" },
      { id: "cli.runs", message: "nothing was measured" },
    ],
  });
  expect(lines).toEqual([
    "a.one: ERROR no sandbox on this machine",
    "a.two: ERROR no sandbox on this machine",
    renderRow(row),
    "cli.runs: ERROR nothing was measured",
  ]);
  expect(renderSummary(outcome)).toBe("1 of 1 goals hold; not measured: a.one, a.two, cli.runs");
});

test("the file holds the whole report", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-report-"));
  try {
    const file = path.join(folder, "bench", "latest.json");
    const machine = { cpu: "x", cores: 2, memoryGb: 8, system: "Linux 6", node: "v24", load: 1 };
    const report: Report = { schemaVersion: 1, commit: "abc", machine, results: [row], errors: [] };
    writeReport(file, report);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(report);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
