// Steps for changes of behaviour and structure: fix, feature, refactor, remove.
import type { Evidence, Ground, Place } from "./evidence.ts";
import { isBehaviour, mentions } from "./evidence.ts";
import { alsoRead, step } from "./draft-part.ts";
import type { DraftPart } from "./draft-part.ts";
import { folderOf, nameOf } from "./file-role.ts";
import type { GoalKind } from "./goal.ts";
import { plannerLimits } from "./limits.ts";
import { because, heading, list, place } from "./phrases.ts";
import { inFolder, joinAreas, newTestGlob, primaryFiles, toAreas, worthySteps } from "./work.ts";
import type { Area, Reach } from "./work.ts";

export type ChangeKind = Exclude<GoalKind, "rename" | "test" | "docs" | "dependency" | "build">;

/** How far beyond the best file a kind of change reaches: a fix sits in one place more often than not. */
const reach: Readonly<Record<ChangeKind, Reach>> = {
  fix: { strong: 0.92, breadth: 0.75 },
  feature: { strong: plannerLimits.strong, breadth: 0.5 },
  refactor: { strong: 0.7, breadth: 0.5 },
  remove: { strong: 0.55, breadth: 0.5 },
};

/** Where the work starts: what does something comes before what only describes data. */
function startOf({ files }: Area): Place | undefined {
  const places = files[0]?.places ?? [];
  return places.find(isBehaviour) ?? places[0];
}

function targetOf(area: Area): string {
  const start = startOf(area);
  return start === undefined ? (area.files[0]?.path ?? "") : place(start);
}

const instructions: Readonly<Record<ChangeKind, (target: string, tests: string) => string>> = {
  fix: (target, tests) =>
    `First write a test that shows the fault (${tests}) and see it fail. Then correct it, starting at ${target}; change the cause and not only the case in the test, and keep every signature that callers use.`,
  feature: (target, tests) =>
    `Extend ${target} in the style of the code around it. What exists keeps its behaviour when the new part is not used. Cover the new behaviour and its edge cases with tests (${tests}).`,
  refactor: (target, tests) =>
    `Change the structure of ${target} and nothing that can be observed from outside: same names for callers, same results, same errors. The existing tests (${tests}) pass unchanged; add one where the moved code has none.`,
  remove: (target, tests) =>
    `Remove it at ${target} together with what only serves it: code, options, exports, tests (${tests}) and mentions in comments. Leave no dead branch behind.`,
};

function areaStep(
  {
    ground,
    evidence,
    kind,
    testsFollow,
  }: { ground: Ground; evidence: Evidence; kind: ChangeKind; testsFollow: boolean },
  area: Area,
  { id, needs, isOnly }: { id: string; needs: readonly string[]; isOnly: boolean },
) {
  const files = area.files.map(({ path }) => path);
  const [first = ""] = files;
  const newTests = area.tests.length === 0 && !testsFollow ? newTestGlob(ground, first) : undefined;
  const existing = testsFollow ? "in the step after this one" : list(area.tests);
  const testPlace = newTests === undefined ? existing : `a new file, ${newTests}`;
  const extension = first.slice(first.lastIndexOf("."));
  const newSource =
    kind === "feature" || kind === "refactor"
      ? [...new Set(area.files.map(({ path }) => inFolder(folderOf(path), `*${extension}`)))]
      : [];
  const where = startOf(area)?.name ?? nameOf(first);
  const title = isOnly
    ? `${heading(evidence.title)} (${where})`
    : `${heading(evidence.title)}: part in ${area.folder || nameOf(first)}`;
  const reasons = area.files.map((file) => because(file, evidence.named));
  return step({
    id,
    title,
    summary: `${instructions[kind](targetOf(area), testPlace)}${files.length > 1 ? ` Files of this step: ${list(files)}.` : ""}`,
    rationale: `${reasons.join("; ")}.${isOnly ? alsoRead(evidence, files) : ""}`,
    files: [...files, ...area.tests],
    paths: [...newSource, ...(newTests === undefined ? [] : [newTests]), ...evidence.newPaths],
    needs,
    risk: kind === "remove" ? "medium" : riskOf(files.length, first),
  });
}

function riskOf(count: number, path: string): "low" | "medium" {
  const isPublic = /(?:^|\/)(?:index|mod|lib|__init__|main)\.[a-z]+$/u.test(path);
  return count > 2 || isPublic ? "medium" : "low";
}

/** Whether one area's files hold names or modules of the other's. */
async function uses(ground: Ground, area: Area, other: Area): Promise<boolean> {
  const names = other.files.flatMap(({ places }) => places.map(({ name }) => name.split(".").at(-1) ?? name));
  const modules = other.files.map(({ path }) => nameOf(path).replace(/\.[a-z]+$/u, ""));
  const telling = [...names.slice(0, 3), ...modules].filter((name) => name.length > 4);
  for (const { path } of area.files) {
    for (const name of telling) if (await mentions(ground, path, name)) return true;
  }
  return false;
}

/** Parts that use each other are one change; what stays apart can be done side by side. */
async function independentAreas(ground: Ground, areas: readonly Area[]): Promise<Area[]> {
  const tied = new Set<string>();
  for (const [index, area] of areas.entries()) {
    for (const other of areas.slice(0, index)) {
      const sharesTests = area.tests.some((path) => other.tests.includes(path));
      const isTied = sharesTests || (await uses(ground, area, other)) || (await uses(ground, other, area));
      if (isTied) tied.add(`${other.folder}\n${area.folder}`);
    }
  }
  return joinAreas(areas, (left, right) =>
    left.files.some(({ path }) => tied.has(`${folderOf(path)}\n${right.folder}`)),
  );
}

const criteria: Readonly<Record<ChangeKind, (targets: string) => string>> = {
  fix: (targets) => `A new test for ${targets} fails before the change and passes after it.`,
  feature: (targets) => `New tests show the behaviour asked for at ${targets}; the existing ones pass unchanged.`,
  refactor: (targets) => `The existing tests that reach ${targets} pass without being edited.`,
  remove: (targets) => `Nothing in the repository refers to what was removed at ${targets}.`,
};

/** One step for each independent area of the change, at most three. */
export async function draftChange(
  ground: Ground,
  evidence: Evidence,
  { kind, id, needs, testsFollow }: { kind: ChangeKind; id: string; needs: readonly string[]; testsFollow: boolean },
): Promise<DraftPart> {
  const found = toAreas(ground, primaryFiles(evidence, reach[kind]), evidence);
  const areas = worthySteps(await independentAreas(ground, found), evidence).map((area) =>
    testsFollow ? { ...area, tests: [] } : area,
  );
  const isOnly = areas.length === 1;
  const steps = areas.map((area, index) =>
    areaStep({ ground, evidence, kind, testsFollow }, area, {
      id: index === 0 ? id : `${id}-${index + 1}`,
      needs,
      isOnly,
    }),
  );
  const untested = areas
    .filter(({ tests }) => tests.length === 0)
    .flatMap(({ files }) => files.map(({ path }) => path));
  const risks =
    untested.length === 0 || testsFollow
      ? []
      : [`No test file for ${list(untested.slice(0, 3))} was found: what is not covered can break unseen.`];
  return { steps, assumptions: [], risks, criteria: [criteria[kind](list(areas.map(targetOf)))] };
}
