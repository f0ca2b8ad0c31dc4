// What the index knows about one part of a goal. Everything named here exists at the commit.
import type { IndexService, IndexedSymbol, ProjectProfile, RepositoryRef, SearchHit } from "@ossaat/contracts";

import { isPlainPath, roleOf, testFileFor } from "./file-role.ts";
import type { Clause } from "./goal.ts";
import { plannerLimits } from "./limits.ts";

/** A definition, for people: `name (path:line)`. */
export type Place = { name: string; path: string; line: number; kind: IndexedSymbol["kind"] };

/** Whether a definition does something, rather than describe data. */
export function isBehaviour({ kind }: Place): boolean {
  return kind === "function" || kind === "method" || kind === "class";
}

export type FileFinding = {
  path: string;
  /** Share of the best file's score. */
  share: number;
  places: Place[];
  /** Words of the goal found in it. */
  words: string[];
};

export type Evidence = {
  clause: Clause;
  /** The part in its own words, with its subject when it only speaks of "it". */
  title: string;
  source: FileFinding[];
  tests: FileFinding[];
  docs: FileFinding[];
  others: FileFinding[];
  /** Definitions of names the goal spells out. */
  named: Place[];
  /** Names the goal spells out that are defined nowhere. */
  unknownNames: string[];
  /** Paths the goal spells out that exist, and those that do not. */
  namedPaths: string[];
  newPaths: string[];
  matched: string[];
  unmatched: string[];
};

/** The repository as the planner sees it. */
export type Ground = {
  index: IndexService;
  repository: RepositoryRef;
  profile: ProjectProfile;
  /** Files that can be named in a plan. */
  paths: string[];
  has(path: string): boolean;
};

/** Reads profile and paths. */
export async function surveyGround(index: IndexService, repository: RepositoryRef): Promise<Ground> {
  const [profile, all] = await Promise.all([
    index.profile(repository),
    index.listPaths({ ...repository, pathPrefix: "", limit: plannerLimits.maxPaths }),
  ]);
  const paths = all.filter(isPlainPath);
  const known = new Set(paths);
  return { index, repository, profile, paths, has: (path) => known.has(path) };
}

function wordsOf(hit: SearchHit): string[] {
  return hit.signals.flatMap((signal) => /^(?:path|symbol|text): (.*)$/u.exec(signal)?.[1]?.split(", ") ?? []);
}

async function placesOf(ground: Ground, path: string, hits: readonly SearchHit[]): Promise<Place[]> {
  const wanted = hits.flatMap(({ symbol, startLine, endLine }) =>
    symbol === undefined ? [] : [{ symbol, startLine, endLine }],
  );
  if (wanted.length === 0 || roleOf(path) === "docs") return [];
  const outline = await ground.index.outline({ ...ground.repository, path });
  const places = wanted.flatMap(({ symbol, startLine, endLine }): Place[] => {
    const name = symbol.split(".").at(-1) ?? symbol;
    const same = outline.filter((candidate) => candidate.name === name || symbol.endsWith(candidate.name));
    const within =
      same.find(({ line }) => line >= startLine && line <= endLine) ?? same.findLast(({ line }) => line <= endLine);
    return within === undefined ? [] : [{ name: symbol, path, line: within.line, kind: within.kind }];
  });
  return places.filter(({ line }, index) => places.findIndex((other) => other.line === line) === index);
}

async function toFindings(
  ground: Ground,
  hits: readonly SearchHit[],
  added: readonly string[],
): Promise<FileFinding[]> {
  const best = hits[0]?.score ?? 1;
  const byPath = new Map<string, SearchHit[]>();
  for (const hit of hits) if (ground.has(hit.path)) byPath.set(hit.path, [...(byPath.get(hit.path) ?? []), hit]);
  return Promise.all(
    [...byPath].map(async ([path, own]): Promise<FileFinding> => {
      const share = Math.max(...own.map(({ score }) => score)) / best;
      const places = share > 0.3 ? await placesOf(ground, path, own) : [];
      return { path, share, places, words: [...new Set(own.flatMap(wordsOf))].filter((word) => !added.includes(word)) };
    }),
  );
}

async function lookUpNames(
  ground: Ground,
  names: readonly string[],
): Promise<Pick<Evidence, "named" | "unknownNames">> {
  const named: Place[] = [];
  const unknownNames: string[] = [];
  for (const name of names) {
    const found = await ground.index.findSymbols({ ...ground.repository, name, limit: plannerLimits.maxDefinitions });
    const usable = found.filter(({ path }) => ground.has(path));
    const inSource = usable.filter(({ path }) => roleOf(path) === "source");
    const chosen = (inSource.length > 0 ? inSource : usable).slice(0, 3);
    if (chosen.length === 0) unknownNames.push(name);
    const written = /[.#:]/u.test(name) ? name : undefined;
    named.push(
      ...chosen.map((symbol) => ({
        name: written ?? symbol.name,
        path: symbol.path,
        line: symbol.line,
        kind: symbol.kind,
      })),
    );
  }
  return { named, unknownNames };
}

function sortPaths(ground: Ground, paths: readonly string[]): Pick<Evidence, "namedPaths" | "newPaths"> {
  const namedPaths: string[] = [];
  const newPaths: string[] = [];
  for (const path of paths) {
    const ending = ground.paths.filter((known) => known === path || known.endsWith(`/${path}`));
    const shortest = ending.sort((left, right) => left.length - right.length)[0];
    if (shortest !== undefined) namedPaths.push(shortest);
    else if (path.includes("/") && isPlainPath(path) && !/(?:^|\/)\.{1,2}(?:\/|$)|^\//u.test(path)) newPaths.push(path);
  }
  return { namedPaths, newPaths };
}

/**
 * A test that says much more of the goal than any source file speaks for the file it is named
 * after: tests describe behaviour in words, sources only implement it.
 */
function liftBySpeakingTest(ground: Ground, source: FileFinding[], tests: readonly FileFinding[]): FileFinding[] {
  const [best] = source;
  const [speaking] = tests;
  if (best === undefined || speaking === undefined || speaking.words.length <= best.words.length) return source;
  const sources = ground.paths.filter((path) => roleOf(path) === "source");
  const path = sources.find((candidate) => testFileFor(candidate, [speaking.path]) !== undefined);
  if (path === undefined || path === best.path) return source;
  const known = source.find((finding) => finding.path === path) ?? { path, places: [], words: [], share: 1 };
  const lifted = { ...known, share: best.share, words: [...new Set([...known.words, ...speaking.words])] };
  return [lifted, ...source.filter((finding) => finding.path !== path)];
}

/** Searches three times: for the code, for its tests, and for documents about it. */
export async function gatherEvidence(ground: Ground, clause: Clause, subject: Clause): Promise<Evidence> {
  const words = clause.refersBack ? [...subject.words, ...clause.words] : clause.words;
  const names = clause.refersBack ? [...subject.names, ...clause.names] : clause.names;
  const query = [...names, ...words].join(" ");
  const search = async (...added: string[]) => {
    const text = [query, ...added].join(" ");
    const hits = await ground.index.search({ ...ground.repository, query: text, topK: plannerLimits.hits });
    return toFindings(ground, hits, added);
  };
  const about = await search();
  const tests = await search("test");
  const docs = await search("documentation", "readme");
  const of = (role: string, findings: FileFinding[]) => findings.filter(({ path }) => roleOf(path) === role);
  const matched = new Set(about.filter(({ share }) => share > 0.4).flatMap((finding) => finding.words));
  return {
    clause,
    title: clause.refersBack ? `${clause.text}: ${subject.text}` : clause.text,
    source: liftBySpeakingTest(ground, of("source", about), of("test", tests)),
    tests: of("test", tests),
    docs: of("docs", docs),
    others: of("other", about),
    ...(await lookUpNames(ground, names)),
    ...sortPaths(ground, clause.refersBack ? [...subject.paths, ...clause.paths] : clause.paths),
    matched: words.filter((word) => matched.has(word)),
    unmatched: words.filter((word) => !matched.has(word)),
  };
}

/** Whether a file holds a name as a whole word. */
export async function mentions(ground: Ground, path: string, name: string): Promise<boolean> {
  const { text } = await ground.index.readFile({ ...ground.repository, path, maxBytes: plannerLimits.maxReadBytes });
  return new RegExp(`(?<![\\w$])${name.replaceAll(/[$^\\.*+?()[\]{}|/]/gu, String.raw`\$&`)}(?![\\w$])`, "u").test(
    text,
  );
}

/** Files that hold a name, most telling first. */
export async function findMentions(ground: Ground, name: string): Promise<string[]> {
  const hits = await ground.index.search({ ...ground.repository, query: name, topK: 200 });
  const paths = [...new Set(hits.map(({ path }) => path))].filter((path) => ground.has(path));
  const found: string[] = [];
  for (const path of paths.slice(0, plannerLimits.maxReferenceFiles)) {
    if (await mentions(ground, path, name)) found.push(path);
  }
  return found;
}
