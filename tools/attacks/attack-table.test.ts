import { expect, it } from "vitest";

import { addReport, renderTable } from "./attack-table.ts";
import type { AttackRow } from "./attack-table.ts";

const test = (status: string, title: string, ...ancestorTitles: string[]) => ({ status, title, ancestorTitles });
const report = (...assertionResults: ReturnType<typeof test>[]) => ({ testResults: [{ assertionResults }] });

it("makes a row of each attack and a column of each driver and user", () => {
  const rows = new Map<string, AttackRow>();
  const fork = "fork-bomb: fill it {D} [limit]";
  const proc = "proc-root: reach {it} by [x] {E} [name space]";
  addReport(
    rows,
    report(
      test("passed", fork, "bubblewrap"),
      test("failed", proc, "bubblewrap"),
      test("passed", fork, "without protection"),
      test("passed", "reads nothing", "container, as a driver"),
    ),
    "root",
  );
  addReport(rows, report(test("pending", fork, "container (skipped: no engine (at all))")), "user");
  expect([...rows.values()]).toEqual([
    {
      id: "fork-bomb",
      title: "fill it",
      stride: "D",
      layer: "limit",
      results: {
        "bubblewrap / root": "blocked",
        "without protection / root": "succeeds, as it must",
        "container / user": "skipped",
      },
    },
    {
      id: "proc-root",
      title: "reach {it} by [x]",
      stride: "E",
      layer: "name space",
      results: { "bubblewrap / root": "FAILED" },
    },
  ]);
  expect(renderTable([...rows.values()])).toBe(
    [
      "  1 bubblewrap / root",
      "  2 container / user",
      "  3 without protection / root",
      "",
      "           layer             1        2        3",
      "fork-bomb  limit             blocked  skipped  proven",
      "proc-root  name space        FAILED   –        –",
    ].join("\n"),
  );
});
