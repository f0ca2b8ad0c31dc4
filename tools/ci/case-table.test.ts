import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import {
  durabilityCases,
  leftOutCases,
  queueNames,
  storeNames,
} from "../../services/orchestrator/src/job/durability-cases.ts";
import type { CaseId } from "../../services/orchestrator/src/job/durability-cases.ts";
import { makeCaseTable } from "./case-table.ts";
import type { CaseReport } from "./case-table.ts";

type Ran = CaseReport["testResults"][number]["assertionResults"][number];

const ran = (title: string, suite: string, status = "passed"): Ran => ({ title, ancestorTitles: [suite], status });
const report = (...assertionResults: Ran[]): CaseReport => ({ testResults: [{ assertionResults }] });
const titleOf = (id: CaseId) => `${id} ${durabilityCases[id]}`;

/** A run in which every case passed wherever it is not left out. */
function wholeRun(): Ran[] {
  return queueNames.flatMap((queue) =>
    storeNames.flatMap((store) =>
      (Object.keys(durabilityCases) as CaseId[])
        .filter((id) => leftOutCases[id]?.[queue] === undefined)
        .map((id) => ran(titleOf(id), `an engine: ${queue} × ${store}`)),
    ),
  );
}

const rowOf = (id: CaseId, reports: Record<string, CaseReport>) =>
  makeCaseTable(reports)
    .lines.find((line) => line.startsWith(`| ${id} `))
    ?.split("|")
    .slice(2, -1)
    .map((text) => text.trim());

describe("the table of cases", () => {
  test("of a whole run has no problem; what is left out stands there with its reason", () => {
    const { lines, problems, passed, leftOut } = makeCaseTable({ unit: report(...wholeRun()) });
    const count = Object.values(leftOutCases).flatMap((reasons) => Object.keys(reasons)).length * storeNames.length;
    expect([problems, leftOut, passed]).toEqual([[], count, wholeRun().length]);
    expect(lines).toContain(`n/a C03 on embedded: ${leftOutCases.C03?.embedded}`);
    expect(
      Object.values(leftOutCases).flatMap((reasons) => Object.values(reasons).filter((why) => why.length < 20)),
    ).toEqual([]);
  });

  test("says of a case without test and reason that it is missing", () => {
    const without = wholeRun().filter(
      ({ title, ancestorTitles: [suite] }) => title !== titleOf("C21") || suite !== "an engine: Kafka × PostgreSQL",
    );
    const { problems } = makeCaseTable({ unit: report(...without) });
    expect(problems).toEqual(["C21 on Kafka × PostgreSQL: no test"]);
    expect(rowOf("C21", { unit: report(...without) })).toEqual([
      ...Array.from({ length: 5 }, () => "passed"),
      "MISSING",
    ]);
  });

  test("takes no failed and no skipped test for a pass, though another one of its case passed", () => {
    for (const status of ["failed", "skipped", "todo"]) {
      const { problems } = makeCaseTable({
        unit: report(...wholeRun(), ran(titleOf("C21"), "RabbitMQ × SQLite", status)),
      });
      expect(problems).toEqual(["C21 on RabbitMQ × SQLite: 1 of its tests did not pass"]);
    }
  });

  test("refuses a name that is no case's, and a case that is left out and yet ran", () => {
    const { problems } = makeCaseTable({
      unit: report(
        ...wholeRun(),
        ran("C21 consumer_forgets", "x"),
        ran("C99 new_one", "x"),
        ran(titleOf("C03"), "embedded × SQLite"),
      ),
    });
    expect(problems).toEqual([
      "no case is called: C21 consumer_forgets",
      "no case is called: C99 new_one",
      `C03 on embedded × SQLite: a test ran, though it is left out: ${leftOutCases.C03?.embedded}`,
    ]);
  });

  test("knows by suite and project what a test ran on", () => {
    const one = (suite: string) => report(ran(titleOf("C54"), suite));
    expect(rowOf("C54", { unit: one("a"), pg: one("b"), kafka: one("c") })).toEqual([
      "passed",
      "passed",
      "MISSING",
      "MISSING",
      "passed",
      "MISSING",
    ]);
    expect(rowOf("C54", { kafka: one("RabbitMQ, embedded × PostgreSQL") })).toEqual([
      "MISSING",
      "passed",
      "MISSING",
      "passed",
      "MISSING",
      "MISSING",
    ]);
    expect(rowOf("C54", { rabbit: one("a queue: RabbitMQ × no store") })).toEqual([
      "MISSING",
      "MISSING",
      "passed*",
      "passed*",
      "MISSING",
      "MISSING",
    ]);
    expect(rowOf("C31K", { kafka: report(ran("C30K C31K both at once", "a")) })?.at(4)).toBe("passed");
  });
});

describe("the command", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function run(reports: Readonly<Record<string, CaseReport>>): { status: number | null; last: string | undefined } {
    const folder = mkdtempSync(path.join(tmpdir(), "ossaat-conformance-"));
    folders.push(folder);
    for (const [name, text] of Object.entries(reports))
      writeFileSync(path.join(folder, `${name}.json`), JSON.stringify(text));
    const script = path.join(import.meta.dirname, "conformance.ts");
    const { status, stdout } = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
    return { status, last: stdout.trim().split("\n").at(-1) };
  }

  test("passes a whole run alone: a missing report and a case that failed are failures", () => {
    const [rest, nothing] = [report(...wholeRun()), report()];
    const { passed, leftOut } = makeCaseTable({ unit: rest });
    const whole = { unit: rest, pg: nothing, rabbit: nothing, kafka: nothing };
    expect(run(whole)).toEqual({ status: 0, last: `${passed} passed, 0 failed, ${leftOut} not applicable` });
    const { kafka: _, ...noKafka } = whole;
    expect(run(noKafka)).toEqual({ status: 1, last: `${passed} passed, 1 failed, ${leftOut} not applicable` });
    const broken = { ...whole, pg: report(ran(titleOf("C40"), "embedded × PostgreSQL", "failed")) };
    expect(run(broken)).toEqual({ status: 1, last: `${passed - 1} passed, 1 failed, ${leftOut} not applicable` });
    expect(run({}).status).toBe(1);
  });
});
