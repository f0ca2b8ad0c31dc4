// Judges runs of one plan on several stacks.
import { isDeepStrictEqual } from "node:util";

/** Events of each step, comparable between runs. */
type Outcome = Record<string, string[]>;

/** What a run of the demo's plan came to. */
export type StackRun = {
  stack: string;
  status: string;
  seconds: number;
  events: number;
  killed: string[];
  turns: { delivered: number; boughtTwice: number };
  outcome: Outcome;
  problems: string[];
};

/** Steps whose events differ, and the first lines that do. */
function differences(outcome: Outcome, wanted: Outcome): string[] {
  const steps = [...new Set([...Object.keys(outcome), ...Object.keys(wanted)])].sort();
  return steps.flatMap((step) => {
    const [mine = [], theirs = []] = [outcome[step], wanted[step]];
    if (isDeepStrictEqual(mine, theirs)) return [];
    const at = mine.findIndex((line, n) => line !== theirs[n]);
    const place = at < 0 ? mine.length : at;
    return [`${step} differs at ${place}: ${mine[place] ?? "(nothing)"} instead of ${theirs[place] ?? "(nothing)"}`];
  });
}

/** What is wrong with a run, measured against the one in a single process; empty = nothing. */
export function problemsOf(run: StackRun, embedded: StackRun): string[] {
  const { status, turns, killed, problems, outcome, stack } = run;
  return [
    ...problems,
    ...(status === "succeeded" ? [] : [`the plan ended as ${status}`]),
    ...(turns.delivered > 0 ? [] : ["no turn was delivered"]),
    ...(turns.boughtTwice === 0 ? [] : [`${turns.boughtTwice} turns were bought twice`]),
    ...(stack === "embedded" || killed.length > 2 ? [] : [`only ${killed.length} processes were killed`]),
    ...differences(outcome, embedded.outcome),
  ].map((text) => `${stack}: ${text}`);
}
