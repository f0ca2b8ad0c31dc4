// Outputs of jest, mocha, vitest and node:test. A parser gives undefined when it does not recognise
// the output; where the end that the runner itself writes is missing, the counts say so.
import { brokenOff } from "./counts.ts";
import type { Counts, Failure } from "./counts.ts";
import { clean, firstPlace, javaScriptFrames, jsonObjects, lastNumber, shorten } from "./output-text.ts";

/** The runner says that there was nothing to run. */
const nothing: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };

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

export function jest(output: string): Counts | undefined {
  for (const object of jsonObjects(clean(output))) {
    const report = object as JestReport;
    if (typeof report.numPassedTests !== "number" || typeof report.numFailedTests !== "number") continue;
    const suites = report.testResults ?? [];
    const tests: Failure[] = suites
      .flatMap((suite) => suite.assertionResults ?? [])
      .filter((test) => test.status === "failed")
      .map((test) => {
        const message = test.failureMessages?.[0] ?? "";
        const name = test.fullName ?? test.title ?? "?";
        return {
          name,
          message: shorten(message.split(/\n\s+at /u)[0] ?? ""),
          ...firstPlace(message, javaScriptFrames),
        };
      });
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
  const text = clean(output);
  return jestText(text) ?? (/^No tests found/mu.test(text) ? nothing : undefined);
}

function jestText(text: string): Counts | undefined {
  const line = text.match(/^\s*Tests:?\s+.*$/gmu)?.at(-1);
  if (line === undefined || !/\d+ (?:passed|failed).*(?:total|\(\d+\))/u.test(line)) return undefined;
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
  failures?: { fullTitle?: string; err?: { message?: string; stack?: string } }[];
};

export function mocha(output: string): Counts | undefined {
  for (const object of jsonObjects(clean(output))) {
    const { stats, failures = [] } = object as MochaReport;
    if (typeof stats?.passes !== "number") continue;
    return {
      passed: stats.passes,
      failed: stats.failures ?? 0,
      skipped: stats.pending ?? 0,
      failures: failures.map(({ fullTitle = "?", err = {} }) => ({
        name: fullTitle,
        message: shorten(err.message ?? ""),
        ...firstPlace(err.stack ?? "", javaScriptFrames),
      })),
    };
  }
  const text = clean(output);
  const passed = lastNumber(text, /^\s*(\d+) passing\b/gmu);
  if (passed === undefined) return /^Error: No test files found/mu.test(text) ? nothing : undefined;
  const failed = lastNumber(text, /^\s*(\d+) failing\b/gmu) ?? 0;
  return { passed, failed, skipped: lastNumber(text, /^\s*(\d+) pending\b/gmu) ?? 0, failures: [] };
}

/** node:test, as TAP or as its spec output; also other TAP producers. */
export function nodeTest(output: string): Counts | undefined {
  const text = clean(output);
  const summary = (word: string) => lastNumber(text, new RegExp(`^(?:#|ℹ) ${word} (\\d+)$`, "gmu"));
  const passed = summary("pass");
  const failed = summary("fail");
  const tap = [...text.matchAll(/^( *)(not ok|ok) \d+(?: - )?(.*)(?=\n)/gmu)];
  if (passed === undefined && tap.length === 0) return /^1\.\.0$/mu.test(text) ? nothing : undefined;
  const skipped = (summary("skipped") ?? 0) + (summary("todo") ?? 0);
  const top = tap.filter((match) => match[1] === "");
  const isSkip = (name: string) => /#\s*(?:skip|todo)/iu.test(name);
  const failures = text.includes("not ok") ? tapFailures(text) : specFailures(text);
  // A file whose process was ended by a signal has tests that nobody heard of.
  const isKilled = /^ *signal: '\w+'$/mu.test(text);
  if (passed !== undefined) {
    const isWhole = /^(?:#|ℹ) duration_ms [\d.]+$/mu.test(text);
    return { passed, failed: failed ?? 0, skipped, failures, ...brokenOff(isKilled || !isWhole) };
  }
  const planned = lastNumber(text, /^1\.\.(\d+)$/gmu);
  const bad = top.filter((match) => match[2] === "not ok" && !isSkip(match[3] ?? "")).length;
  // Cut before its end nobody knows which of the lines are tests and which are groups of them.
  if (isKilled || planned !== top.length) return { failed: bad, failures, isBrokenOff: true };
  return {
    passed: top.filter((match) => match[2] === "ok" && !isSkip(match[3] ?? "")).length,
    failed: bad,
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
export function vitest(output: string): Counts | undefined {
  if (!/^TAP version/mu.test(output)) return jest(output);
  const counts = nodeTest(output);
  // A failed test comes with its error; one without never ran, because its process was gone.
  const isGone = /^not ok .*\n(?! +---)/mu.test(clean(output));
  return counts === undefined ? undefined : { ...counts, ...brokenOff(isGone || counts.isBrokenOff === true) };
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
    // vitest writes the message as it is between quotes, line breaks and all.
    const quoted = /^ *message: "([\s\S]*?)"$(?=\n *(?:at|stack|actual|expected|name):|$(?![\s\S]))/mu.exec(body)?.[1];
    const error = /error: (?:\|-\n([\s\S]*?)\n *(?:code|name|stack|expected):|'(.*)'|(.*))/u.exec(body);
    const message =
      quoted === undefined
        ? (error?.[1] ?? error?.[2] ?? error?.[3] ?? "")
        : unquote(`"${quoted}"`).replace(/^"([\s\S]*)"$/u, "$1");
    const stack = /^ *(?:at|stack): ([\s\S]*)/mu.exec(body)?.[1] ?? "";
    const place = firstPlace(stack, javaScriptFrames);
    failures.push({
      name: name.replace(/ # time=[\d.]+ms.*$/u, ""),
      message: shorten(message.replace(/^ +/gmu, "")),
      ...place,
    });
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
