// JUnit XML, as Surefire, Gradle and many others write it: one file a test class.
import { XMLParser, XMLValidator } from "fast-xml-parser";

import { brokenOff } from "./counts.ts";
import type { Counts, Failure } from "./counts.ts";
import { shorten } from "./output-text.ts";

type Problem = string | { message?: string; "#text"?: string };
type Case = {
  name?: string;
  classname?: string;
  failure?: Problem[];
  error?: Problem[];
  skipped?: unknown[];
};
type Suite = { name?: string; testsuite?: Suite[]; testcase?: Case[]; errors?: string; error?: Problem[] };

const repeated = new Set(["testsuite", "testcase", "failure", "error", "skipped"]);

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (name) => repeated.has(name),
});

/** The frame of the test class itself: deeper ones are the assertion library's. */
function placeIn(trace: string, classname: string): { at?: string } {
  const own = classname.replace(/\$.*$/u, "");
  for (const [, frame = "", file = "", line = ""] of trace.matchAll(
    /^\s*at (?:[\w.@-]+\/{1,2})?([\w.$<>]+)\(([\w-]+\.\w+):(\d+)\)/gmu,
  )) {
    if (!frame.startsWith(`${own}.`) && !frame.startsWith(`${own}$`)) continue;
    const folder = own.split(".").slice(0, -1).join("/");
    return { at: `${folder === "" ? "" : `${folder}/`}${file}:${line}` };
  }
  return {};
}

function readProblem(problem: Problem | undefined): { message: string; trace: string } {
  if (problem === undefined) return { message: "", trace: "" };
  const trace = typeof problem === "string" ? problem : (problem["#text"] ?? "");
  const message = typeof problem === "string" ? undefined : problem.message;
  return { message: shorten(message ?? trace.split("\n")[0] ?? ""), trace };
}

function failureOf({ name = "?", classname = "", failure, error }: Case): Failure | undefined {
  if (failure === undefined && error === undefined) return undefined;
  const { message, trace } = readProblem(failure?.[0] ?? error?.[0]);
  return { name: classname === "" ? name : `${classname}.${name}`, message, ...placeIn(trace, classname) };
}

function casesOf(suite: Suite): Case[] {
  return [...(suite.testcase ?? []), ...(suite.testsuite ?? []).flatMap(casesOf)];
}

/** Counts of reports; undefined without one. A report that is cut counts as a run that was broken off. */
export function junitXml(reports: readonly string[]): Counts | undefined {
  if (reports.length === 0) return undefined;
  const whole = reports.filter((xml) => XMLValidator.validate(xml) === true);
  const roots = whole.map((xml) => parser.parse(xml) as { testsuites?: Suite; testsuite?: Suite[] });
  const cases = roots.flatMap(({ testsuites, testsuite }) => [
    ...casesOf(testsuites ?? {}),
    ...(testsuite ?? []).flatMap(casesOf),
  ]);
  const failures = cases.flatMap((each) => failureOf(each) ?? []);
  const skipped = cases.filter((each) => each.skipped !== undefined && failureOf(each) === undefined).length;
  return {
    passed: cases.length - failures.length - skipped,
    failed: failures.length,
    skipped,
    failures,
    ...brokenOff(whole.length < reports.length),
  };
}
