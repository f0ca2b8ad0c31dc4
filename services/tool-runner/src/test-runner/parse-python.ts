// Outputs of pytest and unittest.
import type { Counts } from "./counts.ts";
import { clean, firstPlace, lastNumber, shorten } from "./output-text.ts";

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

/** Where a test failed: the last line of its short trace that is in its own file. */
function tracePlace(text: string, id: string): { at?: string } {
  const [file = "", ...names] = id.split("::");
  const title = names.join(".");
  const lines = text.split("\n");
  const titleOf = (line: string) => /^_{3,} (?:ERROR at (?:setup|teardown) of )?(.+) _{3,}$/u.exec(line)?.[1];
  const start = lines.findIndex((line) => title !== "" && titleOf(line) === title);
  if (start < 0) return {};
  const trace = lines.slice(start + 1);
  const end = trace.findIndex((line) => titleOf(line) !== undefined || /^={3,}/u.test(line));
  const own = trace.slice(0, end < 0 ? undefined : end).findLast((line) => line.startsWith(`${file}:`));
  const line = /^.+?:(\d+): /u.exec(own ?? "")?.[1];
  return line === undefined ? {} : { at: `${file}:${line}` };
}

export function pytest(output: string): Counts | undefined {
  const text = clean(output);
  const pattern =
    /^=*\s*((?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed|warnings?|deselected|rerun)(?:, )?)+|no tests (?:ran|collected)[^\n]*?) in [\d.]+s.*=*\s*$/gmu;
  const summary = [...text.matchAll(pattern)].at(-1)?.[1];
  if (summary === undefined) return undefined;
  const count = (word: string) => lastNumber(summary, new RegExp(`(\\d+) ${word}`, "gu")) ?? 0;
  const failures = [...text.matchAll(/^(?:FAILED|ERROR) (\S+)(?: - (.*))?$/gmu)].map((match) => ({
    name: match[1] ?? "?",
    message: shorten(match[2] ?? collectionError(text, match[1] ?? "")),
    ...tracePlace(text, match[1] ?? ""),
  }));
  return {
    passed: count("passed") + count("xpassed"),
    failed: count("failed") + count("errors?"),
    skipped: count("skipped") + count("xfailed"),
    failures,
  };
}

export function unittest(output: string): Counts | undefined {
  const text = clean(output);
  const ran = lastNumber(text, /^Ran (\d+) tests? in/gmu);
  if (ran === undefined) return /NO TESTS RAN/u.test(text) ? { passed: 0, failed: 0, failures: [] } : undefined;
  const result = /^(?:OK|FAILED|NO TESTS RAN)(?: \(.*\))?(?=\n)/gmu.exec(text.slice(text.lastIndexOf("\nRan ")))?.[0];
  const count = (word: string) => lastNumber(result ?? "", new RegExp(`\\b${word}=(\\d+)`, "gu")) ?? 0;
  const failed = count("failures") + count("errors") + count("unexpected successes");
  const skipped = count("skipped") + count("expected failures");
  const failures = [...text.matchAll(/^(?:FAIL|ERROR): (.+)\n-+\n([\s\S]*?)(?=\n\n|\n=|\n-{20})/gmu)].map((match) => ({
    name: match[1] ?? "?",
    message: shorten((match[2] ?? "").trim().split("\n").at(-1) ?? ""),
    ...firstPlace(match[2] ?? "", /File "([^"]+)", line (\d+)/gu),
  }));
  // Without its last line nobody knows how many of those that ran were skipped.
  if (result === undefined) return { failed: failures.length, failures, isBrokenOff: true };
  const passed = Math.max(0, ran - failed - skipped);
  return { passed, failed, skipped, failures };
}
