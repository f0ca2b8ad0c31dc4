// Reads what test runners print. Each parser gives undefined when it does not recognise the
// output: an unknown output is never taken for a pass.
import { reportLimits } from "../tool/limits.ts";
import type { Counts, Failure } from "./counts.ts";

function shorten(text: string): string {
  const clean = text.trim();
  return clean.length > reportLimits.maxMessageChars ? `${clean.slice(0, reportLimits.maxMessageChars)}…` : clean;
}

// oxlint-disable-next-line no-control-regex -- terminal colours are what it removes
const colours = /\u001b\[[0-9;]*m/gu;

function clean(output: string): string {
  return output.replace(colours, "").replaceAll("\r\n", "\n");
}

/** Last number after a pattern; runners repeat themselves and the summary comes last. */
function lastNumber(text: string, pattern: RegExp): number | undefined {
  const value = [...text.matchAll(pattern)].at(-1)?.[1];
  return value === undefined ? undefined : Number(value);
}

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}

function defined(counts: { passed?: number | undefined; failed?: number | undefined; skipped?: number | undefined }) {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined)) as Omit<
    Counts,
    "failures"
  >;
}

/** JSON objects that begin a line, last first: runners mix them with what tests print. */
function* jsonObjects(text: string): Generator<Record<string, unknown>> {
  const starts = [...text.matchAll(/^\{/gmu)].map((match) => match.index).toReversed();
  for (const start of starts) {
    for (const end of [
      text.length,
      text.lastIndexOf("}") + 1,
      text.indexOf("\n}", start) + 2,
      text.indexOf("\n", start),
    ]) {
      if (end <= start) continue;
      const found = tryJson(text.slice(start, end));
      if (found !== undefined) {
        yield found;
        break;
      }
    }
  }
}

function tryJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

type JestReport = {
  numPassedTests?: number;
  numFailedTests?: number;
  numPendingTests?: number;
  numTodoTests?: number;
  testResults?: {
    name?: string;
    status?: string;
    message?: string;
    assertionResults?: { status?: string; fullName?: string; title?: string; failureMessages?: string[] }[];
  }[];
};

function jest(output: string): Counts | undefined {
  for (const object of jsonObjects(clean(output))) {
    const report = object as JestReport;
    if (typeof report.numPassedTests !== "number" || typeof report.numFailedTests !== "number") continue;
    const suites = report.testResults ?? [];
    const tests: Failure[] = suites
      .flatMap((suite) => suite.assertionResults ?? [])
      .filter((test) => test.status === "failed")
      .map((test) => ({ name: test.fullName ?? test.title ?? "?", message: shorten(test.failureMessages?.[0] ?? "") }));
    // A file that cannot be loaded has no test of its own but is a failure all the same.
    const broken: Failure[] = suites
      .filter(
        (suite) =>
          suite.status === "failed" && (suite.assertionResults ?? []).every((test) => test.status !== "failed"),
      )
      .map((suite) => ({ name: suite.name?.split("/").at(-1) ?? "?", message: shorten(suite.message ?? "") }));
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken.length,
      skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
      failures: [...tests, ...broken],
    };
  }
  return jestText(clean(output));
}

function jestText(text: string): Counts | undefined {
  const line = text.match(/^\s*Tests:?\s+.*$/gmu)?.at(-1);
  if (line === undefined || !/\d+ (?:passed|failed)/u.test(line)) return undefined;
  const failures = [...text.matchAll(/^\s*(?:●|×|FAIL)\s+(.+)$/gmu)].map((match) => ({
    name: shorten(match[1] ?? ""),
    message: "",
  }));
  return {
    passed: lastNumber(line, /(\d+) passed/gu) ?? 0,
    failed: lastNumber(line, /(\d+) failed/gu) ?? 0,
    skipped: (lastNumber(line, /(\d+) skipped/gu) ?? 0) + (lastNumber(line, /(\d+) todo/gu) ?? 0),
    failures,
  };
}

type MochaReport = {
  stats?: { passes?: number; failures?: number; pending?: number };
  failures?: { fullTitle?: string; err?: { message?: string } }[];
};

function mocha(output: string): Counts | undefined {
  for (const object of jsonObjects(clean(output))) {
    const { stats, failures = [] } = object as MochaReport;
    if (typeof stats?.passes !== "number") continue;
    return {
      passed: stats.passes,
      failed: stats.failures ?? 0,
      skipped: stats.pending ?? 0,
      failures: failures.map((each) => ({ name: each.fullTitle ?? "?", message: shorten(each.err?.message ?? "") })),
    };
  }
  const text = clean(output);
  const passed = lastNumber(text, /^\s*(\d+) passing\b/gmu);
  if (passed === undefined) return undefined;
  const failed = lastNumber(text, /^\s*(\d+) failing\b/gmu) ?? 0;
  return { passed, failed, skipped: lastNumber(text, /^\s*(\d+) pending\b/gmu) ?? 0, failures: [] };
}

/** node:test, as TAP or as its spec output; also other TAP producers. */
function nodeTest(output: string): Counts | undefined {
  const text = clean(output);
  const summary = (word: string) => lastNumber(text, new RegExp(`^(?:#|ℹ) ${word} (\\d+)$`, "gmu"));
  const passed = summary("pass");
  const failed = summary("fail");
  const tap = [...text.matchAll(/^( *)(not ok|ok) \d+(?: - )?(.*)$/gmu)];
  if (passed === undefined && tap.length === 0) return undefined;
  const skipped = (summary("skipped") ?? 0) + (summary("todo") ?? 0);
  const top = tap.filter((match) => match[1] === "");
  const isSkip = (name: string) => /#\s*(?:skip|todo)/iu.test(name);
  const failures = text.includes("not ok") ? tapFailures(text) : specFailures(text);
  if (passed !== undefined) return { passed, failed: failed ?? 0, skipped, failures };
  return {
    passed: top.filter((match) => match[2] === "ok" && !isSkip(match[3] ?? "")).length,
    failed: top.filter((match) => match[2] === "not ok" && !isSkip(match[3] ?? "")).length,
    skipped: top.filter((match) => isSkip(match[3] ?? "")).length,
    failures,
  };
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** vitest as TAP (its JSON goes to a file since version 5), as JSON, or as people see it. */
function vitest(output: string): Counts | undefined {
  return /^TAP version/mu.test(output) ? nodeTest(output) : jest(output);
}

function tapFailures(text: string): Failure[] {
  const lines = text.split("\n");
  const failures: Failure[] = [];
  lines.forEach((line, index) => {
    const name = /^ *not ok \d+(?: - )?(.*)$/u.exec(line)?.[1];
    if (name === undefined || /#\s*(?:skip|todo)/iu.test(name)) return;
    const block = lines.slice(index + 1, index + 40);
    const end = block.findIndex((row) => /^ *(?:\.\.\.|not ok|ok )/u.test(row));
    const body = block.slice(0, end < 0 ? 0 : end).join("\n");
    // A parent only repeats that one of its tests failed.
    if (/failureType: 'subtestsFailed'/u.test(body)) return;
    const quoted = /^ *message: (".*")$/mu.exec(body)?.[1];
    const error = /error: (?:\|-\n([\s\S]*?)\n *(?:code|name|stack|expected):|'(.*)'|(.*))/u.exec(body);
    const message = quoted === undefined ? (error?.[1] ?? error?.[2] ?? error?.[3] ?? "") : unquote(quoted);
    failures.push({ name: name.replace(/ # time=[\d.]+ms.*$/u, ""), message: shorten(message.replace(/^ +/gmu, "")) });
  });
  return failures;
}

function specFailures(text: string): Failure[] {
  const section = text.split("✖ failing tests:").at(1);
  if (section === undefined) return [];
  return [...section.matchAll(/^✖ (.+?)(?: \([\d.]+ms\))?\n([\s\S]*?)(?=\n\n|\ntest at |(?![\s\S]))/gmu)].map(
    (match) => ({
      name: match[1] ?? "?",
      message: shorten(match[2] ?? ""),
    }),
  );
}

/** Why a file could not be collected; the summary of pytest names only the file. */
function collectionError(text: string, file: string): string {
  const start = text.indexOf(` ERROR collecting ${file} `);
  if (start < 0) return "";
  const [, ...lines] = text.slice(start).split("\n");
  const end = lines.findIndex((line) => /^[_=]{3,}/u.test(line));
  return (
    lines
      .slice(0, end < 0 ? undefined : end)
      .findLast((line) => line.startsWith("E  "))
      ?.slice(1)
      .trim() ?? ""
  );
}

function pytest(output: string): Counts | undefined {
  const text = clean(output);
  const pattern =
    /^=*\s*((?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed|warnings?|deselected|rerun)(?:, )?)+|no tests (?:ran|collected)[^\n]*?)(?: in [\d.]+s.*)?=*\s*$/gmu;
  const summary = [...text.matchAll(pattern)].at(-1)?.[1];
  if (summary === undefined) return undefined;
  const count = (word: string) => lastNumber(summary, new RegExp(`(\\d+) ${word}`, "gu")) ?? 0;
  const failures = [...text.matchAll(/^(?:FAILED|ERROR) (\S+)(?: - (.*))?$/gmu)].map((match) => ({
    name: match[1] ?? "?",
    message: shorten(match[2] ?? collectionError(text, match[1] ?? "")),
  }));
  return {
    passed: count("passed") + count("xpassed"),
    failed: count("failed") + count("errors?"),
    skipped: count("skipped") + count("xfailed"),
    failures,
  };
}

function unittest(output: string): Counts | undefined {
  const text = clean(output);
  const ran = lastNumber(text, /^Ran (\d+) tests? in/gmu);
  if (ran === undefined) return /NO TESTS RAN/u.test(text) ? { passed: 0, failed: 0, failures: [] } : undefined;
  const result = text.match(/^(?:OK|FAILED|NO TESTS RAN)(?: \(.*\))?$/gmu)?.at(-1) ?? "";
  const count = (word: string) => lastNumber(result, new RegExp(`\\b${word}=(\\d+)`, "gu")) ?? 0;
  const failed = count("failures") + count("errors") + count("unexpected successes");
  const skipped = count("skipped") + count("expected failures");
  const failures = [...text.matchAll(/^(?:FAIL|ERROR): (.+)\n-+\n([\s\S]*?)(?=\n\n|\n=|\n-{20})/gmu)].map((match) => ({
    name: match[1] ?? "?",
    message: shorten((match[2] ?? "").trim().split("\n").at(-1) ?? ""),
  }));
  return { passed: Math.max(0, ran - failed - skipped), failed, skipped, failures };
}

type GoEvent = { Action?: string; Package?: string; Test?: string; Output?: string; ImportPath?: string };

/** What the compiler said about a package, or undefined when it was built. */
function buildErrors(events: readonly GoEvent[], name: string): string | undefined {
  const lines = events.filter(
    ({ Action, ImportPath = "" }) => Action === "build-output" && ImportPath.split(" ")[0] === name,
  );
  const text = lines.map(({ Output = "" }) => Output).filter((line) => !line.startsWith("#"));
  return text.length === 0 ? undefined : shorten(text.join(""));
}

function go(output: string): Counts | undefined {
  const events = clean(output)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map(tryJson)
    .filter((event) => event !== undefined) as GoEvent[];
  if (!events.some((event) => typeof event.Action === "string")) return undefined;
  const tests = events.filter((event) => event.Test !== undefined);
  const nameOf = (event: GoEvent) => `${event.Package}.${event.Test}`;
  const all = new Set(tests.map(nameOf));
  // A test with subtests only repeats what they say.
  const parents = new Set(
    [...all].flatMap((name) => (name.includes("/") ? [name.slice(0, name.lastIndexOf("/"))] : [])),
  );
  const names = (action: string) =>
    [...new Set(tests.filter((each) => each.Action === action).map(nameOf))].filter((name) => !parents.has(name));
  const printed = (name: string) =>
    tests
      .filter((each) => each.Action === "output" && nameOf(each) === name)
      .map((each) => each.Output ?? "")
      .filter((text) => !/^\s*(?:===|---)/u.test(text))
      .join("");
  const failedTests = names("fail");
  // A package that does not build fails without a test.
  const failedPackages = events
    .filter((event) => event.Action === "fail" && event.Test === undefined)
    .map((event) => event.Package ?? "?")
    .filter((name) => !failedTests.some((test) => test.startsWith(`${name}.`)));
  return {
    passed: names("pass").length,
    failed: failedTests.length + failedPackages.length,
    skipped: names("skip").length,
    failures: [
      ...failedTests.map((name) => ({ name, message: shorten(printed(name)) })),
      ...failedPackages.map((name) => ({ name, message: buildErrors(events, name) ?? "its tests crashed" })),
    ],
  };
}

function cargo(output: string): Counts | undefined {
  const text = clean(output);
  const results = text.match(/^test result: .*$/gmu);
  if (results === null) return undefined;
  const all = results.join("\n");
  const names = [...text.matchAll(/^test (.+) \.\.\. FAILED$/gmu)].map((match) => match[1] ?? "?");
  const failures = names.map((name) => {
    const start = text.indexOf(`---- ${name} stdout ----`);
    const body = start < 0 ? "" : text.slice(start).split("\n").slice(1).join("\n").split(/\n\n/u)[0];
    return { name, message: shorten(body ?? "") };
  });
  return {
    passed: sum(all, /(\d+) passed/gu),
    failed: sum(all, /(\d+) failed/gu),
    skipped: sum(all, /(\d+) ignored/gu),
    failures,
  };
}

function maven(output: string): Counts | undefined {
  const lines = clean(output).match(/^.*Tests run: \d+, Failures: \d+, Errors: \d+, Skipped: \d+\s*$/gmu);
  const line = lines?.at(-1);
  if (line === undefined) return undefined;
  const count = (word: string) => lastNumber(line, new RegExp(`${word}: (\\d+)`, "gu")) ?? 0;
  const failed = count("Failures") + count("Errors");
  const skipped = count("Skipped");
  const failures = [...clean(output).matchAll(/^\[ERROR\]\s+(\S+)\s.*(?:FAILURE|ERROR)!$/gmu)].map((match) => ({
    name: match[1] ?? "?",
    message: "",
  }));
  return { passed: Math.max(0, count("Tests run") - failed - skipped), failed, skipped, failures };
}

function gradle(output: string): Counts | undefined {
  const text = clean(output);
  const total = lastNumber(text, /^(\d+) tests? completed/gmu);
  if (total === undefined) return undefined;
  const failed = lastNumber(text, /tests? completed, (\d+) failed/gu) ?? 0;
  const skipped = lastNumber(text, /tests? completed.*?(\d+) skipped/gu) ?? 0;
  const failures = [...text.matchAll(/^(\S.* > .+) FAILED$/gmu)].map((match) => ({
    name: match[1] ?? "?",
    message: "",
  }));
  return { passed: Math.max(0, total - failed - skipped), failed, skipped, failures };
}

/** Words many other runners end with. */
function generic(output: string): Counts | undefined {
  const text = clean(output);
  const passed = lastNumber(text, /^\W*(\d+) (?:tests? )?pass(?:ed|ing|es)?\b/gmu);
  const failed = lastNumber(text, /^\W*(\d+) (?:tests? )?fail(?:ed|ing|ures?)?\b/gmu);
  if (passed === undefined && failed === undefined) return undefined;
  return { ...defined({ passed, failed }), failures: [] };
}

function any(output: string): Counts | undefined {
  for (const parse of [jest, mocha, nodeTest, pytest, unittest, cargo, maven, gradle, generic]) {
    const counts = parse(output);
    if (counts !== undefined) return counts;
  }
  return undefined;
}

export const parsers = { jest, vitest, mocha, nodeTest, pytest, unittest, go, cargo, maven, gradle, any };
