// The recorded outputs of real runs (`tools/record-test-outputs`), for the tests of the parsers.
import { existsSync, readdirSync, readFileSync } from "node:fs";

export const outcomes = ["pass", "fail", "crash", "timeout", "no-tests"] as const;
export type Outcome = (typeof outcomes)[number];

type Ending = { exitCode: number | null; timedOut: boolean };

export type Recorded = {
  runner: string;
  /** Version of the runner that printed it. */
  version: string;
  argv: string[];
  endings: Record<Outcome, Ending>;
};

const folder = (runner: string) => new URL(`./fixtures/${runner}/`, import.meta.url);

export function readRecorded(runner: string): Recorded {
  return JSON.parse(readFileSync(new URL("recorded.json", folder(runner)), "utf8")) as Recorded;
}

export function readOutput(runner: string, outcome: Outcome): string {
  return readFileSync(new URL(`${outcome}.txt`, folder(runner)), "utf8");
}

/** JUnit XML that the run left. */
export function readXml(runner: string, outcome: Outcome): string[] {
  const place = new URL(`${outcome}.reports/`, folder(runner));
  return existsSync(place) ? readdirSync(place).map((name) => readFileSync(new URL(name, place), "utf8")) : [];
}
