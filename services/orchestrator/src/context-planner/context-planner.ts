// The planner that needs no model: it looks a goal up in the index and proposes steps that name
// the files and definitions found. What it does not find it says, and invents nothing.
import type { Budget, IndexService, RepositoryRef } from "@ossaat/contracts";

import { PlanDraft } from "../plan/plan-draft.ts";
import type { DraftStep } from "../plan/plan-draft.ts";
import { draftBuild, draftDependency } from "./draft-build.ts";
import { draftChange } from "./draft-change.ts";
import { step } from "./draft-part.ts";
import type { DraftPart } from "./draft-part.ts";
import { draftRename } from "./draft-rename.ts";
import { draftDocs, draftTests } from "./draft-tests-docs.ts";
import { gatherEvidence, surveyGround } from "./evidence.ts";
import type { Evidence, Ground } from "./evidence.ts";
import { gatherContext } from "./gather-context.ts";
import type { PlanningContext } from "./gather-context.ts";
import { contentWords, readGoal } from "./goal.ts";
import type { Clause } from "./goal.ts";
import { plannerLimits } from "./limits.ts";
import { clip, confidenceOf, heading, list, place, quoted } from "./phrases.ts";
import type { Confidence } from "./phrases.ts";
import { sourceGlobs } from "./work.ts";

export type PlanningRequest = {
  goal: string;
  repository: RepositoryRef;
  branch?: string;
  budget?: Budget;
  /** Names of the agents that may be used; absent = all. */
  agents?: readonly string[];
};

export type ContextPlanner = {
  propose(request: PlanningRequest): Promise<PlanDraft>;
  gatherContext(request: Pick<PlanningRequest, "goal" | "repository">): Promise<PlanningContext>;
};

type Position = { id: string; needs: readonly string[]; testsFollow: boolean };

type Drafted = { evidence: Evidence; confidence: Confidence; part: DraftPart };

/** Nothing fits: the first step is to find out where. */
function draftSearch(ground: Ground, evidence: Evidence, { id, needs }: Position): DraftPart {
  const { clause, source, unmatched, unknownNames } = evidence;
  const weak = source.slice(0, 3).filter(({ words }) => words.length > 0);
  const missing = [...new Set([...unknownNames, ...unmatched])];
  const hint =
    weak.length === 0
      ? ""
      : ` Weak signs only: ${list(weak.map(({ path, words }) => `${path} (${quoted(words.slice(0, 3))})`))}.`;
  const words = missing.length > 0 ? missing : clause.words;
  return {
    steps: [
      step({
        id,
        title: `Locate the place, then: ${heading(clause.text)}`,
        summary: `No place for this was found in the index. First look for it with other words than the goal's, and report the files you decide on. Then make the smallest change that reaches the goal, with a test.`,
        rationale: `The goal's words ${words.length === 0 ? "name no place" : `${quoted(words.slice(0, 8))} do not lead to a file`}.${hint}`,
        files: [],
        paths: [...sourceGlobs(ground), ...evidence.newPaths],
        needs,
        risk: "medium",
      }),
    ],
    assumptions: [
      words.length === 0
        ? `The goal names nothing that could be looked up; step ${id} is to locate the place.`
        : `No file matches the words ${quoted(words.slice(0, 8))}; step ${id} is to locate the place.`,
    ],
    risks: ["The place is unknown, so this step may write in all source folders. A more precise goal narrows it."],
    criteria: ["The step's report names the files it decided on and why, and a test shows the new behaviour."],
  };
}

async function draftByKind(ground: Ground, evidence: Evidence, position: Position): Promise<DraftPart | undefined> {
  const { kind } = evidence.clause;
  if (kind === "rename") return draftRename(ground, evidence, position);
  if (kind === "dependency") return draftDependency(ground, evidence, position);
  if (kind === "build") return draftBuild(ground, evidence, position);
  if (kind === "test") return draftTests(ground, evidence, position);
  if (kind === "docs") return draftDocs(ground, evidence, position);
  const part = await draftChange(ground, evidence, { kind, ...position });
  return part.steps.length === 0 ? undefined : part;
}

/** A document or file named in the goal may be all there is to go by. */
function canDraft(evidence: Evidence, confidence: Confidence): boolean {
  if (["rename", "dependency", "build", "docs"].includes(evidence.clause.kind)) return true;
  return confidence !== "none";
}

function caveats(
  { clause, unknownNames, matched, unmatched, newPaths, named }: Evidence,
  confidence: Confidence,
): string[] {
  const renamed = clause.rename?.to;
  // `server.proxy` may be a setting rather than a definition: then its parts were found as words.
  const isFound = (name: string) => contentWords(name).every((word) => matched.includes(word));
  const isMeant = (name: string) =>
    name === renamed || name === clause.dependency?.name || (/\./u.test(name) && isFound(name));
  const unknown = unknownNames.filter((name) => !isMeant(name));
  return [
    ...(unknown.length === 0
      ? []
      : [
          `${list(unknown.map((name) => `\`${name}\``))} ${unknown.length === 1 ? "is" : "are"} not defined at this commit: taken as ${clause.kind === "feature" ? "new" : "not literal"}.`,
        ]),
    ...(newPaths.length === 0 ? [] : [`${list(newPaths)} does not exist yet and is made as a new file.`]),
    ...(confidence === "low"
      ? [
          `Low confidence for “${clip(clause.text, 120)}”: ${quoted(unmatched.slice(0, 6))} found no match in the places named.`,
        ]
      : []),
    ...(named.length > 3 ? [`Of several definitions the first is meant: ${place(named[0]!)}.`] : []),
  ];
}

/** Steps that would write the same file are put in an order; parallel ones may not meet. */
function orderSharedFiles(steps: readonly DraftStep[]): DraftStep[] {
  return steps.map((own, index) => {
    const before = steps.slice(0, index).filter((other) => other.files.some((path) => own.files.includes(path)));
    return { ...own, needs: [...new Set([...own.needs, ...before.map(({ id }) => id)])] };
  });
}

function idOf(clause: Clause, index: number): string {
  return `${clause.kind}-${index + 1}`;
}

/** Steps of the part before that change behaviour; tests and documents do not wait for each other. */
function changesBefore(drafted: readonly Drafted[]): string[] {
  const change = drafted.findLast(({ evidence }) => evidence.clause.kind !== "docs" && evidence.clause.kind !== "test");
  return change?.part.steps.map(({ id }) => id) ?? [];
}

async function draftClauses(ground: Ground, clauses: readonly Clause[]): Promise<Drafted[]> {
  const drafted: Drafted[] = [];
  for (const [index, clause] of clauses.entries()) {
    const subject = clauses.slice(0, index).findLast(({ refersBack }) => !refersBack) ?? clause;
    const evidence = await gatherEvidence(ground, clause, subject);
    const confidence = confidenceOf(evidence);
    const needs = clause.refersBack ? changesBefore(drafted) : [];
    const testsFollow = clauses.slice(index + 1).some((later) => later.kind === "test" && later.refersBack);
    const position = { id: idOf(clause, index), needs: needs.slice(0, 16), testsFollow };
    const part = canDraft(evidence, confidence) ? await draftByKind(ground, evidence, position) : undefined;
    drafted.push({
      evidence,
      confidence: part === undefined ? "none" : confidence,
      part: part ?? draftSearch(ground, evidence, position),
    });
  }
  return drafted;
}

function summaryOf({ repository, profile }: Ground, drafted: readonly Drafted[], count: number): string {
  const found = drafted.map(({ evidence, confidence }) => {
    const { matched, unmatched } = evidence;
    const total = matched.length + unmatched.length;
    const share = total === 0 ? "" : `, ${matched.length} of ${total} words found in the places looked at`;
    return `“${clip(evidence.clause.text, 160)}” read as ${evidence.clause.kind} (confidence ${confidence}${share})`;
  });
  const main = profile.languages[0]?.name;
  return clip(
    `Proposed from the index of commit ${repository.commit.slice(0, 12)} without a model: ${list(found)}. ` +
      `${count} writing step${count === 1 ? "" : "s"} in a ${main === undefined ? "" : `${main} `}repository of ${profile.fileCount} files.`,
    4_000,
  );
}

function successCriteria(ground: Ground, drafted: readonly Drafted[]): string[] {
  const [tests] = ground.profile.testCommands;
  const passing = tests === undefined ? [] : [`\`${tests.argv.join(" ")}\` exits 0 in the sandbox.`];
  return [...new Set([...drafted.flatMap(({ part }) => part.criteria), ...passing])]
    .map((text) => clip(text, 1_000))
    .slice(0, 16);
}

async function propose(index: IndexService, { goal, repository }: PlanningRequest): Promise<PlanDraft> {
  const ground = await surveyGround(index, repository);
  const drafted = await draftClauses(ground, readGoal(goal));
  const steps = orderSharedFiles(drafted.flatMap(({ part }) => part.steps)).slice(0, plannerLimits.maxSteps);
  const [tests] = ground.profile.testCommands;
  const untested =
    tests === undefined ? ["No command that runs the project's tests was found in its manifests; none is run."] : [];
  const assumptions = drafted.flatMap(({ evidence, confidence, part }) => [
    ...part.assumptions,
    ...caveats(evidence, confidence),
  ]);
  return PlanDraft.parse({
    summary: summaryOf(ground, drafted, steps.length),
    assumptions: [...assumptions, ...untested].map((text) => clip(text, 1_000)).slice(0, 16),
    risks: drafted
      .flatMap(({ part }) => part.risks)
      .map((text) => clip(text, 1_000))
      .slice(0, 16),
    successCriteria: successCriteria(ground, drafted),
    steps,
    ...(tests === undefined || tests.argv.length > 32 ? {} : { testCommand: tests.argv }),
  });
}

/** Makes the planner over an index. */
export function createContextPlanner({ index }: { index: IndexService }): ContextPlanner {
  return {
    propose: (request) => propose(index, request),
    gatherContext: (request) => gatherContext(index, request),
  };
}
