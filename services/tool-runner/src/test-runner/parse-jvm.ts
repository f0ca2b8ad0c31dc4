// Maven and Gradle: their JUnit reports for the counts, what they print for how the run ended.
import { brokenOff } from "./counts.ts";
import type { Counts, Failure } from "./counts.ts";
import { junitXml } from "./junit-xml.ts";
import { clean, lastNumber } from "./output-text.ts";

const nothing: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };

function mavenText(text: string): Counts | undefined {
  const line = text.match(/^.*Tests run: \d+, Failures: \d+, Errors: \d+, Skipped: \d+\s*$/gmu)?.at(-1);
  if (line === undefined) return /\bNo tests to run\b/u.test(text) ? nothing : undefined;
  const count = (word: string) => lastNumber(line, new RegExp(`${word}: (\\d+)`, "gu")) ?? 0;
  const failed = count("Failures") + count("Errors");
  const skipped = count("Skipped");
  const failures = [...text.matchAll(/^\[ERROR\]\s+(\S+)\s.*(?:FAILURE|ERROR)!$/gmu)].map((match): Failure => ({
    name: match[1] ?? "?",
    message: "",
  }));
  return { passed: Math.max(0, count("Tests run") - failed - skipped), failed, skipped, failures };
}

function gradleText(text: string): Counts | undefined {
  const total = lastNumber(text, /^(\d+) tests? completed/gmu);
  if (total === undefined) return /^(?:> Task )?:(?:[\w-]+:)*test NO-SOURCE/mu.test(text) ? nothing : undefined;
  const failed = lastNumber(text, /tests? completed, (\d+) failed/gu) ?? 0;
  const skipped = lastNumber(text, /tests? completed.*?(\d+) skipped/gu) ?? 0;
  const failures = [...text.matchAll(/^(\S.* > .+) FAILED$/gmu)].map((match): Failure => ({
    name: match[1] ?? "?",
    message: "",
  }));
  return { passed: Math.max(0, total - failed - skipped), failed, skipped, failures };
}

/** Reports say more; where both speak of failures, the worse one counts. */
function combine(reported: Counts | undefined, printed: Counts | undefined, isBrokenOff: boolean): Counts | undefined {
  const best = reported ?? printed;
  if (best === undefined) return isBrokenOff ? { failures: [], isBrokenOff: true } : undefined;
  const failed = Math.max(best.failed ?? 0, printed?.failed ?? 0);
  return { ...best, failed, ...brokenOff(isBrokenOff || best.isBrokenOff === true) };
}

export function maven(output: string, reports: readonly string[] = []): Counts | undefined {
  const text = clean(output);
  const died = /forked VM terminated|There was an error in the forked process|The forked VM crashed/u.test(text);
  return combine(junitXml(reports), mavenText(text), died);
}

export function gradle(output: string, reports: readonly string[] = []): Counts | undefined {
  const text = clean(output);
  const died = /Process 'Gradle Test Executor \d+' finished with non-zero exit value/u.test(text);
  return combine(junitXml(reports), gradleText(text), died);
}
