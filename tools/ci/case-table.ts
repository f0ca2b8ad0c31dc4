// The table of the cases of durable execution: what each came to on each queue and store, by the
// titles of the tests that ran. A case that has neither a test nor a reason is a problem, as is a test that names
// none of the cases right.
import {
  durabilityCases,
  leftOutCases,
  noStore,
  queueNames,
  storeNames,
} from "../../services/orchestrator/src/job/durability-cases.ts";
import type { CaseId, QueueName, StoreName } from "../../services/orchestrator/src/job/durability-cases.ts";

/** vitest's JSON report, as far as it is read. */
export type CaseReport = {
  testResults: { assertionResults: { status: string; title: string; ancestorTitles: string[] }[] }[];
};

type Combination = { queue: QueueName; store: StoreName };

/** What a case came to: tests that passed and that did not, and whether a store took part in any. */
type Cell = { passed: number; notPassed: number; hasStore: boolean };

/** What tests run on that do not say it, by their vitest project. */
const usual: Readonly<Record<string, Combination>> = {
  pg: { queue: "embedded", store: "PostgreSQL" },
  rabbit: { queue: "RabbitMQ", store: "SQLite" },
  kafka: { queue: "Kafka", store: "SQLite" },
};
const embedded: Combination = { queue: "embedded", store: "SQLite" };

const combinations: readonly Combination[] = queueNames.flatMap((queue) =>
  storeNames.map((store) => ({ queue, store })),
);

const named = new RegExp(
  `((?:${queueNames.join("|")})(?:, (?:${queueNames.join("|")}))*) × (${[...storeNames, noStore].join("|")})`,
  "u",
);

function combinationsOf(project: string, titles: readonly string[]): { on: Combination[]; hasStore: boolean } {
  const [, queues, store] = named.exec(titles.join(" ")) ?? [];
  if (queues === undefined) return { on: [usual[project] ?? embedded], hasStore: true };
  const hasStore = store !== noStore;
  const on = combinations.filter((one) => queues.split(", ").includes(one.queue) && (!hasStore || one.store === store));
  return { on, hasStore };
}

const isCase = (id: string): id is CaseId => Object.hasOwn(durabilityCases, id);

/** The cases that a title begins with; with one alone its name follows. Undefined: it names one wrongly. */
function casesOf(title: string): CaseId[] | undefined {
  const [begin = ""] = /^(?:C\d{2}K?\b ?)*/u.exec(title) ?? [];
  const ids = begin.split(" ").filter((id) => id !== "");
  const cases = ids.filter(isCase);
  if (cases.length < ids.length) return undefined;
  const [only] = cases;
  if (cases.length === 1 && only !== undefined && !title.startsWith(`${only} ${durabilityCases[only]}`))
    return undefined;
  return cases;
}

const keyOf = (id: CaseId, { queue, store }: Combination) => `${id} on ${queue} × ${store}`;

/** What the tests of all reports say about each case on each combination; `wrong`: titles that name no case right. */
function readCells(reports: Readonly<Record<string, CaseReport>>): { cells: Map<string, Cell>; wrong: string[] } {
  const cells = new Map<string, Cell>();
  const wrong: string[] = [];
  for (const [project, report] of Object.entries(reports)) {
    for (const { title, ancestorTitles, status } of report.testResults.flatMap((file) => file.assertionResults)) {
      const ids = casesOf(title);
      if (ids === undefined) wrong.push(title);
      const { on, hasStore } = combinationsOf(project, ancestorTitles);
      for (const key of (ids ?? []).flatMap((id) => on.map((one) => keyOf(id, one)))) {
        const cell = cells.get(key) ?? { passed: 0, notPassed: 0, hasStore: false };
        cell[status === "passed" ? "passed" : "notPassed"] += 1;
        cell.hasStore ||= hasStore;
        cells.set(key, cell);
      }
    }
  }
  return { cells, wrong };
}

type Verdict = { text: string; problem?: string };

function judge(id: CaseId, combination: Combination, cell: Cell | undefined): Verdict {
  const reason = leftOutCases[id]?.[combination.queue];
  const where = keyOf(id, combination);
  if (cell === undefined)
    return reason === undefined ? { text: "MISSING", problem: `${where}: no test` } : { text: "n/a" };
  if (reason !== undefined) return { text: "RAN", problem: `${where}: a test ran, though it is left out: ${reason}` };
  if (cell.notPassed > 0) return { text: "FAILED", problem: `${where}: ${cell.notPassed} of its tests did not pass` };
  return { text: cell.hasStore ? "passed" : "passed*" };
}

function renderRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`);
}

function renderReasons(): string[] {
  return Object.entries(leftOutCases).flatMap(([id, reasons]) =>
    Object.entries(reasons).map(([queue, reason]) => `n/a ${id} on ${queue}: ${reason}`),
  );
}

export type CaseTable = { lines: string[]; problems: string[]; passed: number; leftOut: number };

/** @param reports vitest's reports by the name of their project */
export function makeCaseTable(reports: Readonly<Record<string, CaseReport>>): CaseTable {
  const { cells, wrong } = readCells(reports);
  const rows = (Object.keys(durabilityCases) as CaseId[]).map((id) => ({
    id,
    verdicts: combinations.map((one) => judge(id, one, cells.get(keyOf(id, one)))),
  }));
  const verdicts = rows.flatMap((row) => row.verdicts);
  const [head, ...body] = renderRows([
    ["case", ...combinations.map(({ queue, store }) => `${queue} × ${store}`)],
    ...rows.map((row) => [`${row.id} ${durabilityCases[row.id]}`, ...row.verdicts.map(({ text }) => text)]),
  ]);
  return {
    lines: [
      head ?? "",
      (head ?? "").replaceAll(/[^|]/gu, "-"),
      ...body,
      "",
      "* the queue on a broker is the same code whatever the plans are in: the case ran once for both stores",
      ...renderReasons(),
    ],
    problems: [
      ...wrong.map((title) => `no case is called: ${title}`),
      ...verdicts.flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    ],
    passed: verdicts.filter(({ text }) => text.startsWith("passed")).length,
    leftOut: verdicts.filter(({ text }) => text === "n/a").length,
  };
}
