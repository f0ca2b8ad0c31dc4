// What a query asks for: its terms, names and paths it spells out, and the kind of file it is about.
import type { TermTable } from "../text/term-table.ts";
import { stem } from "../text/stem.ts";
import { indexLimits } from "../limits.ts";

export type QueryTerm = { id: number; word: string; weight: number };

export type Query = {
  terms: QueryTerm[];
  /** Words that look like identifiers, as written. */
  names: { id: number; name: string }[];
  /** Path-like words, lower case, without a leading `./`. */
  paths: string[];
  wantsTests: boolean;
  wantsDocs: boolean;
  wantsConfig: boolean;
  wantsExamples: boolean;
};

const stopWords = new Set(
  (
    "a an and are as at be been being but by can could did do does doing done for from get got had has have having he her " +
    "his how i if in into is it its itself let like make makes making may me might more most must my no nor not of off on " +
    "one only or other our out over own please same shall she should so some such than that the their them then there " +
    "these they this those through to too under up us use used uses using very want was we were what when where which " +
    "while who why will with within without would you your also always instead each any all " +
    "add adds added adding fix fixes fixed fixing remove removes removed removing support supports supported supporting " +
    "change changes changed changing update updates updated updating improve improves improved implement implements " +
    "implemented allow allows ensure ensures avoid prevent prevents handle correctly properly issue bug new feature " +
    "refactor simplify clean cleanup introduce create created creating write writing rename renamed replace"
  )
    .split(" ")
    .map((word) => stem(word)),
);

const identifierLike = /^(?:[A-Za-z_$][\w$]*_[\w$]*|[a-z$]+[A-Z][\w$]*|[A-Z][a-z0-9]+[A-Z][\w$]*|[A-Z][A-Z0-9_]{2,})$/u;
const pathLike = /^(?:\.\/)?(?:[\w@.+-]+\/)+[\w@.+-]+$|^[\w.-]+\.[a-z]{1,5}$/u;

function quotedNames(text: string): string[] {
  return [...text.matchAll(/`([^`\n]{2,80})`/gu)].map((match) => (match[1] ?? "").replace(/\(\)?$/u, ""));
}

function wordsOf(text: string): string[] {
  return text.split(/[\s"'`()[\]{}<>,;:!?=|]+/u).filter((word) => word.length > 1);
}

/** Parts of an identifier and, for a compound, the whole without its joiners: as the tokenizer cuts. */
function partsOf(word: string): string[] {
  const parts = word.split(/[_$]+|(?<=[^A-Z_$])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/u).filter((part) => part.length > 1);
  return parts.length > 1 ? [...parts, word.replaceAll(/[_$]/gu, "")] : parts;
}

/** Reads a query against a corpus's table; words the corpus never saw are left out. */
export function readQuery(text: string, table: TermTable): Query {
  const query = text.slice(0, indexLimits.maxQueryChars);
  const terms = new Map<number, QueryTerm>();
  const names = new Map<string, number>();
  const quoted = new Set(quotedNames(query));
  for (const raw of wordsOf(query)) {
    const word = raw.replace(/^[.\-/]+|[.\-/]+$/gu, "");
    for (const part of word.split(/[^\p{L}\p{N}_$]+/u).flatMap(partsOf)) {
      const lower = part.toLowerCase();
      const id = table.idOf(stem(lower), "known");
      const known = terms.get(id);
      if (known !== undefined) known.weight = Math.min(2, known.weight + 0.25);
      else if (id >= 0) terms.set(id, { id, word: lower, weight: 1 });
    }
    for (const name of [word, ...word.split(/[.:#/]+/u)]) {
      if (!identifierLike.test(name) && !(quoted.has(name) && /^[\w$]+$/u.test(name))) continue;
      const id = table.idOf(stem(name.toLowerCase().replaceAll(/[_$]/gu, "")), "known");
      if (id >= 0) names.set(name, id);
    }
  }
  return {
    terms: withoutStopWords([...terms.values()], table),
    names: [...names].map(([name, id]) => ({ name, id })),
    paths: wordsOf(query)
      .map((word) => word.replace(/[.,]+$/u, ""))
      .filter((word) => pathLike.test(word))
      .map((word) => word.replace(/^\.\//u, "").toLowerCase()),
    wantsTests: /\b(?:tests?|testing|specs?|coverage|fixtures?|unit[- ]tests?|e2e|regression)\b/iu.test(query),
    wantsDocs:
      /\b(?:docs?|documentation|document|readme|guide|changelog|tutorial|typos?|comments?|docstrings?)\b/iu.test(query),
    wantsConfig:
      /\b(?:config(?:uration)?|dependenc(?:y|ies)|bump|upgrade|versions?|ci|workflow|lint|manifest|package\.json|pyproject|build|makefile|docker)\b/iu.test(
        query,
      ),
    wantsExamples: /\b(?:examples?|samples?|demos?|templates?)\b/iu.test(query),
  };
}

function withoutStopWords(terms: QueryTerm[], table: TermTable): QueryTerm[] {
  const stopIds = new Set([...stopWords].map((word) => table.idOf(word, "known")));
  const kept = terms.filter(({ id }) => !stopIds.has(id));
  return kept.length > 0 ? kept : terms;
}
