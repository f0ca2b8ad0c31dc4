// Chooses the files a part of the goal is about, and groups them into areas of one step each.
import type { Evidence, FileFinding, Ground, Place } from "./evidence.ts";
import { folderOf, isRunnableTest, nameOf, roleOf, sharedSegments, testFileFor } from "./file-role.ts";
import { plannerLimits } from "./limits.ts";

/** Files changed together, best first, with the test files that go with them. */
export type Area = { folder: string; files: FileFinding[]; tests: string[] };

/** Share of the best file's score, and of its matched words, that a further file needs. */
export type Reach = { strong: number; breadth: number };

const usualReach: Reach = { strong: plannerLimits.strong, breadth: 0.5 };

function findingFor(path: string, evidence: Evidence): FileFinding {
  const all = [...evidence.source, ...evidence.tests, ...evidence.docs, ...evidence.others];
  const known = all.find((finding) => finding.path === path);
  const places = evidence.named.filter((candidate) => candidate.path === path);
  if (known === undefined) return { path, share: 1, places, words: [] };
  return { ...known, share: 1, places: places.length > 0 ? places : known.places };
}

/**
 * The source files a change starts at: those the goal names, or those that stand out.
 * `others` (manifests, workflows) come in when no source file fits.
 */
export function primaryFiles(evidence: Evidence, { strong, breadth }: Reach = usualReach): FileFinding[] {
  const namedPaths = evidence.namedPaths.filter((path) => roleOf(path) !== "test" && roleOf(path) !== "docs");
  const named = [...new Set([...namedPaths, ...evidence.named.map(({ path }) => path)])];
  if (named.length > 0) return named.slice(0, plannerLimits.maxFilesPerStep).map((path) => findingFor(path, evidence));
  const pool = evidence.source.length > 0 ? evidence.source : evidence.others;
  const best = pool[0];
  if (best === undefined) return [];
  return pool
    .filter(({ share, words }) => share >= best.share * strong && words.length >= best.words.length * breadth)
    .slice(0, plannerLimits.maxFilesPerStep);
}

function namesIn(path: string, places: readonly Place[]): string[] {
  return [nameOf(path), ...places.map(({ name }) => name)].map((name) => name.toLowerCase().replaceAll(/[_-]/gu, ""));
}

/** A test speaks of a file when both carry the same word in their names; one in passing is no sign. */
function speaksOf(test: FileFinding, files: readonly FileFinding[]): boolean {
  const own = namesIn(test.path, test.places);
  const others = files.flatMap(({ path, places }) => namesIn(path, places));
  return test.words.some(
    (word) => own.some((name) => name.includes(word)) && others.some((name) => name.includes(word)),
  );
}

/** Test files for source files: named alike, else the one that speaks most of the same things. */
function testsFor(ground: Ground, files: readonly FileFinding[], evidence: Evidence): string[] {
  const testPaths = ground.paths.filter((path) => roleOf(path) === "test");
  const named = evidence.namedPaths.filter((path) => roleOf(path) === "test");
  if (named.length > 0) return named.slice(0, 2);
  const alike = files.flatMap(({ path }) => testFileFor(path, testPaths) ?? []);
  if (alike.length > 0) return [...new Set(alike)].slice(0, 2);
  const [first] = files;
  const closeness = ({ path, words, share }: FileFinding) =>
    words.length + share + (first === undefined ? 0 : sharedSegments(path, first.path) / 2);
  const isBroad = ({ words }: FileFinding) =>
    words.filter((word) => evidence.matched.includes(word)).length * 2 >= Math.max(1, evidence.matched.length);
  const [speaking] = evidence.tests
    .filter((test) => isRunnableTest(test.path) && isBroad(test) && speaksOf(test, files))
    .sort((left, right) => closeness(right) - closeness(left));
  if (speaking !== undefined) return [speaking.path];
  const runnable = testPaths.filter(
    (path) => isRunnableTest(path) && extensionOf(path) === extensionOf(first?.path ?? ""),
  );
  // Go keeps tests in the package they test.
  return runnable.length === 1 && first?.path.endsWith(".go") !== true ? runnable : [];
}

function extensionOf(path: string): string {
  return path.slice(path.lastIndexOf("."));
}

/** Groups files by folder; the folder of the best file comes first. */
export function toAreas(ground: Ground, files: readonly FileFinding[], evidence: Evidence): Area[] {
  const folders = [...new Set(files.map(({ path }) => folderOf(path)))];
  return folders.map((folder) => {
    const own = files.filter(({ path }) => folderOf(path) === folder);
    return { folder, files: own, tests: testsFor(ground, own, evidence) };
  });
}

/** Joins areas that belong together, each with the first one it belongs to. */
export function joinAreas(areas: readonly Area[], belong: (left: Area, right: Area) => boolean): Area[] {
  const joined: Area[] = [];
  for (const area of areas) {
    const index = joined.findIndex((known) => belong(known, area));
    const known = joined[index];
    if (known === undefined) joined.push(area);
    else {
      const tests = [...new Set([...known.tests, ...area.tests])].slice(0, 3);
      joined[index] = { folder: known.folder, files: [...known.files, ...area.files], tests };
    }
  }
  return joined;
}

/**
 * The areas worth a step. Without a name in the goal the best one is taken, and a further one only
 * when its path answers to a word of the goal that the ones before do not speak of at all.
 */
export function worthySteps(areas: readonly Area[], evidence: Evidence): Area[] {
  if (evidence.named.length + evidence.namedPaths.length > 0) return areas.slice(0, 3);
  const kept: Area[] = [];
  for (const area of areas) {
    const spoken = new Set(kept.flatMap(({ files }) => files.flatMap(({ words }) => words)));
    const paths = area.files.map(({ path }) => path.toLowerCase()).join(" ");
    const addsWord = evidence.matched.some((word) => word.length > 3 && !spoken.has(word) && paths.includes(word));
    if (kept.length === 0 || addsWord) kept.push(area);
  }
  return kept.slice(0, 3);
}

/** Where new tests would go, as a glob: where the nearest test is and named like it. */
export function newTestGlob(ground: Ground, source: string): string {
  const extension = source.slice(source.lastIndexOf(".") + 1);
  if (extension === "go") return inFolder(folderOf(source), "*_test.go");
  const near = ground.paths
    .filter((path) => isRunnableTest(path) && path.endsWith(`.${extension}`))
    .map((path) => ({ path, shared: sharedSegments(path, source) }))
    .sort((left, right) => right.shared - left.shared || left.path.length - right.path.length)[0]?.path;
  if (near === undefined) return extension === "py" ? "tests/test_*.py" : inFolder("tests", `*.${extension}`);
  if (extension === "py") return inFolder(folderOf(near), "test_*.py");
  const mark = /[._-](?:test|tests|spec)(?=\.\w+$)/u.exec(nameOf(near))?.[0] ?? "";
  return inFolder(folderOf(near), `*${mark}.${extension}`);
}

/** A glob or name inside a folder. */
export function inFolder(folder: string, name: string): string {
  // Glob characters of a real folder name stand for themselves.
  const literal = folder.replaceAll(/[[\]{}()*?!+@]/gu, "?");
  return literal === "" ? name : `${literal}/${name}`;
}

/** Globs of the folders that hold the main language's source. */
export function sourceGlobs(ground: Ground): string[] {
  const counts = new Map<string, number>();
  for (const path of ground.paths) {
    if (roleOf(path) !== "source") continue;
    const top = path.includes("/") ? (path.split("/", 1)[0] ?? "") : "";
    counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  const sorted = [...counts].sort((left, right) => right[1] - left[1]).slice(0, 3);
  return sorted.length === 0 ? ["**"] : sorted.map(([top]) => (top === "" ? "*" : inFolder(top, "**")));
}
