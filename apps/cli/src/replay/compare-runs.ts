// Where a replay behaves otherwise than the run it repeats.
import type { Plan } from "@ossaat/contracts";
import { canonicalJson } from "@ossaat/contracts";

import { comparedSteps } from "./recording.ts";
import { notRepeated } from "./recorded-calls.ts";
import type { Move, Recording, StepRecording } from "./recording.ts";

export type Difference = { at: string; recorded: string; replayed: string };

export type StepComparison = {
  id: string;
  turns: number;
  calls: number;
  /** Calls whose recorded result was taken, because they reach outside; absent = none. */
  notRepeated?: string[];
  /** The first place where the two differ; what follows it differs for that reason. */
  difference?: Difference | undefined;
};

export type Comparison = {
  same: boolean;
  /** Set when the planner proposes another plan; the recorded one was run all the same. */
  plan?: Difference | undefined;
  steps: StepComparison[];
  end: { recorded: string; replayed: string };
};

const nothing = "nothing";

function describe(move: Move | undefined): string {
  return move === undefined ? nothing : move.what;
}

function findDifference(recorded: readonly Move[], replayed: readonly Move[]): Difference | undefined {
  const length = Math.max(recorded.length, replayed.length);
  for (let index = 0; index < length; index += 1) {
    const [before, after] = [recorded[index], replayed[index]];
    if (before?.at === after?.at && (before?.what === after?.what || after?.what === notRepeated)) continue;
    const at = before?.at ?? after?.at ?? "";
    const isElsewhere = before !== undefined && after !== undefined && before.at !== after.at;
    return { at, recorded: describe(before), replayed: isElsewhere ? `${after.at}: ${after.what}` : describe(after) };
  }
  return undefined;
}

/** A person stopped the recorded step: what it would have done next is not known. */
function wasStopped({ moves }: StepRecording): boolean {
  return moves.at(-1)?.what === "cancelled (cancelled)" || moves.at(-1)?.what === "failed (replanned)";
}

function compareStep(recorded: StepRecording, replayed: StepRecording | undefined): StepComparison {
  const before = wasStopped(recorded) ? recorded.moves.slice(0, -1) : recorded.moves;
  const after = replayed?.moves ?? [];
  const difference = findDifference(before, wasStopped(recorded) ? after.slice(0, before.length) : after);
  const skipped = after.flatMap(({ at, what }) => (what === notRepeated ? [at] : []));
  return {
    id: recorded.id,
    turns: recorded.turns.length,
    calls: recorded.moves.filter(({ at }) => /^\d+\.\d+ /.test(at)).length,
    ...(skipped.length === 0 ? {} : { notRepeated: skipped }),
    difference,
  };
}

/** A plan without what is new in every plan. */
export function planText(plan: Plan | undefined): string {
  if (plan === undefined) return nothing;
  const { id: _id, createdAt: _at, revision: _revision, model: _model, budget: _budget, ...rest } = plan;
  const { planHash: _hash, ...content } = rest as typeof rest & { planHash?: string };
  return canonicalJson(content);
}

function comparePlans(recorded: Plan | undefined, replayed: Plan | undefined): Difference | undefined {
  if (recorded === undefined || planText(recorded) === planText(replayed)) return undefined;
  const steps = (plan: Plan | undefined) => plan?.steps.map(({ id, title }) => `${id}: ${title}`).join("; ") ?? nothing;
  return { at: "plan", recorded: steps(recorded), replayed: steps(replayed) };
}

function endOf({ end }: Recording): string {
  if (end === undefined) return "no end";
  return end.reason === undefined ? end.status : `${end.status} (${end.reason})`;
}

/** What is left of a retry whose plan could not be retried in the replay. */
function neverBegun({ planId, options }: Recording): Recording {
  return { planId, options, steps: new Map(), answers: new Map() };
}

/** Compares a run with its replay, step by step; a replay that never began differs from its first step on. */
export function compareRuns(recorded: Recording, replayed: Recording = neverBegun(recorded)): Comparison {
  const plan = comparePlans(recorded.proposed, replayed.proposed);
  const steps = comparedSteps(recorded).map((step) => compareStep(step, replayed.steps.get(step.id)));
  const end = { recorded: endOf(recorded), replayed: endOf(replayed) };
  const wasCut = recorded.end === undefined || recorded.end.status === "cancelled";
  const isSameEnd = wasCut || end.recorded === end.replayed;
  const same = plan === undefined && isSameEnd && steps.every(({ difference }) => difference === undefined);
  return { same, ...(plan === undefined ? {} : { plan }), steps, end };
}
