// Format, lint, types, unused code, merges that were not finished, and dependency directions. Each check is also run on a
// planted failure, which it must report.
import { spawnSync } from "node:child_process";
import path from "node:path";

import { cruiseTree } from "../depcruise/cruise.ts";
import { forbidden } from "../depcruise/rules.ts";
import { plantedTrees, withTree } from "./planted.ts";

const root = process.cwd();
const bin = (name: string) => path.join(root, "node_modules/.bin", name);

/** Fewer modules than this means that the check did not see the product. */
const minModules = 300;

type Outcome = { ok: boolean; text: string };

function run(program: string, args: readonly string[], cwd = root): Outcome {
  const { status, stdout, stderr } = spawnSync(bin(program), args, { cwd, encoding: "utf8" });
  return { ok: status === 0, text: `${stdout}${stderr}`.trim() };
}

/** Lines that git writes where a merge needs a person, in every file it keeps. */
function findConflictMarkers(options: readonly string[], cwd: string): Outcome {
  const args = ["grep", "-nE", ...options, "^(<{7,}|>{7,}) ", "--", "."];
  const { status, stdout, stderr } = spawnSync("git", args, { cwd, encoding: "utf8" });
  // 1 says that no line matches; more than that, that nothing was searched.
  return { ok: status === 1, text: `${stdout}${stderr}`.trim() };
}

type Check = {
  name: keyof ReturnType<typeof plantedTrees>;
  real(): Outcome;
  planted(folder: string): Outcome;
  /** What the report on the planted tree must contain. */
  expected: string;
};

const lintArgs = ["--type-aware", "--deny-warnings"];

const checks: readonly Check[] = [
  {
    name: "format",
    real: () => run("oxfmt", ["--check", "."]),
    planted: (folder) => run("oxfmt", ["--check", "."], folder),
    expected: "ugly.ts",
  },
  {
    name: "lint",
    real: () => run("oxlint", lintArgs),
    planted: (folder) => run("oxlint", [...lintArgs, "-c", ".oxlintrc.json", folder]),
    expected: "no-floating-promises",
  },
  {
    name: "types",
    real: () => run("tsc", ["--noEmit", "-p", "tsconfig.json"]),
    planted: (folder) => run("tsc", ["--noEmit", "-p", "tsconfig.json"], folder),
    expected: "TS2322",
  },
  {
    name: "unused",
    real: () => run("knip", ["--no-progress"]),
    planted: (folder) => run("knip", ["--no-progress", "--directory", folder]),
    expected: "forgotten.ts",
  },
  {
    name: "merged",
    real: () => findConflictMarkers([], root),
    planted: (folder) => findConflictMarkers(["--no-index"], folder),
    expected: "half.md",
  },
];

function runCheck(check: Check): Outcome {
  const trees = plantedTrees(root);
  const planted = withTree(trees[check.name], (folder) => check.planted(folder));
  if (planted.ok || !planted.text.includes(check.expected)) {
    return { ok: false, text: `the check did not report its planted failure (${check.expected}):\n${planted.text}` };
  }
  return check.real();
}

async function checkDependencies(): Promise<Outcome> {
  const planted = await cruiseTree("tools/depcruise/fixture");
  const reported = new Set(planted.violations.map(({ rule }) => rule));
  const silent = forbidden.map(({ name }) => name).filter((name) => !reported.has(name));
  if (silent.length > 0) return { ok: false, text: `not reported on the planted tree: ${silent.join(", ")}` };
  const real = await cruiseTree(".");
  if (real.modules < minModules) return { ok: false, text: `only ${real.modules} modules were seen` };
  return {
    ok: real.violations.length === 0,
    text: real.violations.map(({ rule, from, to }) => `${rule}: ${from} → ${to}`).join("\n"),
  };
}

const outcomes = [
  ...checks.map((check): [string, Outcome] => [check.name, runCheck(check)]),
  ["dependencies", await checkDependencies()] as [string, Outcome],
];
for (const [name, { ok, text }] of outcomes) {
  console.log(`${ok ? "ok  " : "FAIL"} ${name}`);
  if (!ok) console.log(text);
}
const failed = outcomes.filter(([, { ok }]) => !ok).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
