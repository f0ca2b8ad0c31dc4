// Outputs of go test and cargo test.
import { brokenOff } from "./counts.ts";
import type { Counts } from "./counts.ts";
import { clean, firstPlace, shorten, sum, tryJson } from "./output-text.ts";

type GoEvent = { Action?: string; Package?: string; Test?: string; Output?: string; ImportPath?: string };

/** What the compiler said about a package, or undefined when it was built. */
function buildErrors(events: readonly GoEvent[], name: string): string | undefined {
  const lines = events.filter(
    ({ Action, ImportPath = "" }) => Action === "build-output" && ImportPath.split(" ")[0] === name,
  );
  const text = lines.map(({ Output = "" }) => Output).filter((line) => !line.startsWith("#"));
  return text.length === 0 ? undefined : shorten(text.join(""));
}

export function go(output: string): Counts | undefined {
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
  const ended = new Set(["pass", "fail", "skip"]);
  const endOf = (name: string) => tests.some((each) => nameOf(each) === name && ended.has(each.Action ?? ""));
  const open = [...all].filter((name) => !endOf(name));
  const packages = events.filter((event) => event.Test === undefined);
  const begun = packages.filter(({ Action }) => Action === "start").map((event) => event.Package);
  const closed = new Set(packages.filter(({ Action = "" }) => ended.has(Action)).map((event) => event.Package));
  // A package that was built and fails without a failed test was taken down by one that did not end.
  const broken = failedPackages.filter((name) => buildErrors(events, name) === undefined);
  return {
    passed: names("pass").length,
    failed: failedTests.length + failedPackages.length,
    skipped: names("skip").length,
    failures: [
      ...failedTests.map((name) => ({
        name,
        message: shorten(printed(name)),
        ...firstPlace(printed(name), /^\s*([\w./-]+\.go):(\d+): /gmu),
      })),
      ...failedPackages.map((name) => ({
        name,
        message: buildErrors(events, name) ?? `its tests crashed${open.length === 0 ? "" : ` in ${open.join(", ")}`}`,
      })),
    ],
    ...brokenOff(broken.length > 0 || begun.some((name) => !closed.has(name))),
  };
}

export function cargo(output: string): Counts | undefined {
  const text = clean(output);
  const starts = text.match(/^running \d+ tests?$/gmu) ?? [];
  const results = text.match(/^test result: .* \d+ filtered out.*$/gmu) ?? [];
  if (starts.length === 0) return undefined;
  const all = results.join("\n");
  // A binary that was taken down by a test has no result; its tests that passed before did pass.
  const isBrokenOff = starts.length !== results.length;
  const names = [...text.matchAll(/^test (.+) \.\.\. FAILED$/gmu)].map((match) => match[1] ?? "?");
  const failures = names.map((name) => {
    const start = text.indexOf(`---- ${name} stdout ----`);
    const body = start < 0 ? "" : text.slice(start).split("\n").slice(1).join("\n").split(/\n\n/u)[0];
    const message = (body ?? "").split(/\nstack backtrace:/u)[0] ?? "";
    return { name, message: shorten(message), ...firstPlace(message, /panicked at ([^\s:]+):(\d+):/gu) };
  });
  return {
    passed: isBrokenOff ? (text.match(/^test .+ \.\.\. ok$/gmu)?.length ?? 0) : sum(all, /(\d+) passed/gu),
    failed: sum(all, /(\d+) failed/gu),
    skipped: sum(all, /(\d+) ignored/gu),
    failures,
    ...brokenOff(isBrokenOff),
  };
}
