// The outcome of the attacks as rows: attack by driver and user, read from the reports of the tests.
import { readFileSync } from "node:fs";

export type Outcome = "blocked" | "FAILED" | "skipped" | "succeeds, as it must";

export type AttackRow = {
  id: string;
  title: string;
  /** One letter of STRIDE. */
  stride: string;
  layer: string;
  /** By `driver / user`. */
  results: Record<string, Outcome>;
};

type Report = {
  testResults: { assertionResults: { status: string; title: string; ancestorTitles: string[] }[] }[];
};

const titlePattern = /^(?<id>[a-z0-9-]+): (?<title>.*) \{(?<stride>[STRIDE])\} \[(?<layer>[^\]]+)\]$/u;
const unprotected = "without protection";

function outcomeOf(status: string, driver: string): Outcome {
  if (status === "passed") return driver === unprotected ? "succeeds, as it must" : "blocked";
  return status === "failed" ? "FAILED" : "skipped";
}

/** Adds one user's report to the rows; tests that are no attacks are left out. */
export function addReport(rows: Map<string, AttackRow>, report: Report, user: string): void {
  for (const { status, title, ancestorTitles } of report.testResults.flatMap((file) => file.assertionResults)) {
    const named = titlePattern.exec(title)?.groups;
    if (named === undefined) continue;
    const { id = "", stride = "", layer = "" } = named;
    const row = rows.get(id) ?? { id, title: named["title"] ?? "", stride, layer, results: {} };
    const driver = (ancestorTitles.at(-1) ?? "").replace(/ \(skipped: .*$/su, "");
    row.results[`${driver} / ${user}`] = outcomeOf(status, driver);
    rows.set(id, row);
  }
}

/** @throws Error when the file is missing or holds no attack */
export function readRows(reports: readonly { file: string; user: string }[]): AttackRow[] {
  const rows = new Map<string, AttackRow>();
  for (const { file, user } of reports) addReport(rows, JSON.parse(readFileSync(file, "utf8")) as Report, user);
  if (rows.size === 0) throw new Error("the reports hold no attack");
  return [...rows.values()].sort((a, b) => a.layer.localeCompare(b.layer) || a.id.localeCompare(b.id));
}

/** Columns in the order in which they are first met. */
function columnsOf(rows: readonly AttackRow[]): string[] {
  return [...new Set(rows.flatMap(({ results }) => Object.keys(results)))].sort();
}

const marks: Readonly<Record<Outcome, string>> = {
  blocked: "blocked",
  FAILED: "FAILED",
  skipped: "skipped",
  "succeeds, as it must": "proven",
};

/** The table as text, with its legend of columns. */
export function renderTable(rows: readonly AttackRow[]): string {
  const columns = columnsOf(rows);
  const width = Math.max(...rows.map(({ id }) => id.length)) + 2;
  const legend = columns.map((column, index) => `  ${index + 1} ${column}`);
  const header = `${"".padEnd(width)}${"layer".padEnd(18)}${columns.map((_name, index) => String(index + 1).padEnd(9)).join("")}`;
  const lines = rows.map(({ id, layer, results }) => {
    const cells = columns.map((column) => {
      const outcome = results[column];
      return (outcome === undefined ? "–" : marks[outcome]).padEnd(9);
    });
    return `${id.padEnd(width)}${layer.padEnd(18)}${cells.join("")}`.trimEnd();
  });
  return [...legend, "", header.trimEnd(), ...lines].join("\n");
}
