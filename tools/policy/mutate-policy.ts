// Breaks the rules one place at a time; for each broken copy some test of the rules must fail. A
// mutant that survives shows a rule that no test holds.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { policySources, sourceFiles } from "./compile-policy.ts";
import { opaStatus } from "./opa.ts";

/** `text` is the whole file after the change; `what` names the place. */
type Mutant = { what: string; text: string };

/** Fewer than this means that the rules were not seen. */
const minMutants = 80;

const isRuleStart = (line: string) => /^(?:default )?[a-z_]+.*(?::=|contains|if)/u.test(line);

/** First and last line of every rule. */
function ruleBlocks(lines: readonly string[]): [number, number][] {
  return lines.flatMap((line, start): [number, number][] => {
    if (!isRuleStart(line)) return [];
    const isOpen = /[{(]$/u.test(line);
    const length = isOpen ? lines.slice(start).findIndex((later) => /^[})]/u.test(later)) : 0;
    return [[start, start + length]];
  });
}

const operators: readonly [RegExp, string][] = [
  [/ == /u, " != "],
  [/ != /u, " == "],
  [/ > /u, " >= "],
  [/:= false$/u, ":= true"],
  [/ > 0$/u, " > 1"],
];

/** The ways to break one line; `undefined` removes it. */
function brokenLines(line: string): (string | undefined)[] {
  const swapped = operators.flatMap(([from, to]) => (from.test(line) ? [line.replace(from, to)] : []));
  const oneLiner = /^(.* if )(not )?(.+)$/u.exec(line);
  if (!line.startsWith("\t")) {
    if (oneLiner === null || line.endsWith("{")) return swapped;
    const [, head = "", not, rest = ""] = oneLiner;
    return [...swapped, `${head}${not === undefined ? "not " : ""}${rest}`];
  }
  const isBinding = /^\t+(?:some |every |\w+ := )|^\t+[}\]]|^\t+"/u.test(line);
  if (isBinding) return swapped;
  const isNegated = /^(\t+)not /u.test(line);
  const turned = isNegated ? line.replace(/^(\t+)not /u, "$1") : line.replace(/^(\t+)/u, "$1not ");
  return [...swapped, turned, undefined];
}

/** Every mutant of one file. */
function mutantsOf(text: string): Mutant[] {
  const lines = text.split("\n");
  const without = (from: number, to: number) => [...lines.slice(0, from), ...lines.slice(to + 1)].join("\n");
  const removed = ruleBlocks(lines).map(([from, to]) => ({
    what: `${from + 1}: without ${(lines[from] ?? "").slice(0, 80)}`,
    text: without(from, to),
  }));
  const broken = lines.flatMap((line, index) =>
    line.startsWith("#") || line.startsWith("package ") || line.startsWith("import ")
      ? []
      : brokenLines(line).map((change) => ({
          what: `${index + 1}: ${line.trim()} → ${change === undefined ? "(removed)" : change.trim()}`,
          text: change === undefined ? without(index, index) : lines.with(index, change).join("\n"),
        })),
  );
  return [...removed, ...broken];
}

type MutationReport = { caught: number; survived: string[] };

/** Runs the tests of the rules against every mutant; ones that do not compile are not counted. */
export function testMutants(root: string): MutationReport {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-mutants-"));
  const report: MutationReport = { caught: 0, survived: [] };
  try {
    cpSync(path.join(root, policySources), path.join(folder, policySources), { recursive: true });
    for (const name of sourceFiles(root).filter((file) => !file.endsWith("capability_table.rego"))) {
      const text = readFileSync(path.join(root, name), "utf8");
      for (const mutant of mutantsOf(text)) {
        writeFileSync(path.join(folder, name), mutant.text);
        const { status } = opaStatus(["test", policySources], folder);
        if (status === 2) report.caught += 1;
        if (status === 0) report.survived.push(`${name}:${mutant.what}`);
      }
      writeFileSync(path.join(folder, name), text);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (report.caught + report.survived.length < minMutants) report.survived.push("too few mutants were made");
  return report;
}
