// Steps whose result is tests or documents.
import type { DraftStep } from "../plan/plan-draft.ts";
import { alsoRead, step } from "./draft-part.ts";
import { isBehaviour } from "./evidence.ts";
import type { DraftPart } from "./draft-part.ts";
import type { Evidence, FileFinding, Ground, Place } from "./evidence.ts";
import { nameOf, roleOf } from "./file-role.ts";
import { because, heading, list, place } from "./phrases.ts";
import { joinAreas, newTestGlob, primaryFiles, toAreas, worthySteps } from "./work.ts";
import type { Area } from "./work.ts";

type Position = { id: string; needs: readonly string[] };

/** What is tested comes first by what it does; types and values only when there is nothing else. */
function symbolsUnderTest(files: readonly FileFinding[]): Place[] {
  const all = files.flatMap(({ places }) => places);
  const behaviour = all.filter(isBehaviour);
  return (behaviour.length > 0 ? behaviour : all).slice(0, 4);
}

function testStep(ground: Ground, evidence: Evidence, { area, id, needs }: Position & { area: Area }): DraftStep {
  const [first] = area.files;
  const symbols = symbolsUnderTest(area.files);
  const under = symbols.length === 0 ? list(area.files.map(({ path }) => path)) : list(symbols.map(place));
  const glob = newTestGlob(ground, first?.path ?? "");
  const into = area.tests.length > 0 ? list(area.tests) : `a new file (${glob})`;
  const paths = area.files.map(({ path }) => path);
  return step({
    id,
    title: `${heading(evidence.title)} (${symbols[0]?.name ?? nameOf(paths[0] ?? "")})`,
    summary: `Write tests for ${under} into ${into}, in the style of the tests there: the ordinary case, the edges, and what must fail. Change no source file; a fault that shows up is reported, not hidden by a lenient test.`,
    rationale: `${area.files.map((file) => because(file, evidence.named)).join("; ")}.${alsoRead(evidence, paths)}`,
    files: area.tests,
    paths: area.tests.length > 0 ? [] : [glob],
    needs,
  });
}

/** One step for each test file; they share no file, so they need no order. */
export function draftTests(ground: Ground, evidence: Evidence, { id, needs }: Position): DraftPart | undefined {
  const found = joinAreas(
    toAreas(ground, primaryFiles(evidence, { strong: 0.8, breadth: 0.6 }), evidence),
    (left, right) => left.tests.some((path) => right.tests.includes(path)),
  );
  const steps = worthySteps(found, evidence).map((area, index) => {
    const stepId = index === 0 ? id : `${id}-${index + 1}`;
    return testStep(ground, evidence, { area, id: stepId, needs });
  });
  if (steps.length === 0) return undefined;
  return {
    steps,
    assumptions: [],
    risks: [],
    criteria: ["The new tests fail when the behaviour they cover is broken on purpose, and pass as the code is."],
  };
}

function documentsOf(ground: Ground, evidence: Evidence): string[] {
  const named = evidence.namedPaths.filter((path) => roleOf(path) === "docs");
  if (named.length > 0) return named;
  const isAsked = (path: string) =>
    !/(?:^|\/)(?:changelog|changes|history|licen[cs]e)(?:\.[a-z]+)?$/iu.test(path) ||
    /\bchange ?log\b/iu.test(evidence.clause.text);
  const readme = ground.paths.find((path) => /^readme(?:\.[a-z]+)?$/iu.test(path));
  if (/\breadme\b/iu.test(evidence.clause.text) && readme !== undefined) return [readme];
  const changelog = ground.paths.find((path) => /^(?:changelog|changes|history)(?:\.[a-z]+)?$/iu.test(path));
  if (/\bchange ?log\b/iu.test(evidence.clause.text) && changelog !== undefined) return [changelog];
  const best = evidence.docs.filter(({ path }) => isAsked(path));
  if (best[0] !== undefined) return [best[0].path];
  return readme === undefined ? [] : [readme];
}

/** Documents to change, written from the code they describe. */
export function draftDocs(ground: Ground, evidence: Evidence, { id, needs }: Position): DraftPart | undefined {
  const inCode = /\b(?:docstrings?|jsdoc|godoc|rustdoc|javadoc|doc comments?|comments?)\b/iu.test(evidence.clause.text);
  const source = primaryFiles(evidence).filter(({ path }) => roleOf(path) === "source");
  const documents = inCode ? source.map(({ path }) => path) : documentsOf(ground, evidence);
  const files = documents.filter((path) => ground.has(path));
  if (files.length === 0 && evidence.newPaths.length === 0) return undefined;
  const symbols = source.flatMap(({ places }) => places).slice(0, 4);
  const from = symbols.length > 0 ? list(symbols.map(place)) : list(source.map(({ path }) => path));
  const place0 = evidence.docs.find(({ path }) => files.includes(path));
  const target = files.length > 0 ? list(files) : `${list(evidence.newPaths)} (new)`;
  return {
    steps: [
      step({
        id,
        title: `${heading(evidence.title)} (${list([...files, ...evidence.newPaths].slice(0, 2).map(nameOf))})`,
        summary: `Write it into ${target}, beside what is said about the same thing, in the same tone.${from === "" ? "" : ` Take every statement from the code: ${from}.`} Each command and example shown is one that works. Change no behaviour.`,
        rationale: [
          place0 === undefined
            ? ""
            : `${place0.path} matches ${list(place0.words.slice(0, 5).map((word) => `“${word}”`))}.`,
          from === "" ? "" : `The code it describes: ${from}.`,
        ]
          .filter((text) => text !== "")
          .join(" "),
        files,
        paths: evidence.newPaths,
        needs,
      }),
    ],
    assumptions:
      inCode || evidence.namedPaths.length > 0
        ? []
        : [`The right place is taken to be ${target}; other documents were not chosen.`],
    risks: [],
    criteria: [`What the goal asks for can be read in ${target} and agrees with the code.`],
  };
}
