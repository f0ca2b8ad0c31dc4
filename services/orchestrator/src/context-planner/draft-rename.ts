// Steps for a rename: the definition and every file that holds the old name.
import { step } from "./draft-part.ts";
import type { DraftPart } from "./draft-part.ts";
import type { Evidence, Ground, Place } from "./evidence.ts";
import { findMentions } from "./evidence.ts";
import { roleOf } from "./file-role.ts";
import { plannerLimits } from "./limits.ts";
import { list, place } from "./phrases.ts";

async function definitionsOf(ground: Ground, name: string): Promise<Place[]> {
  const found = await ground.index.findSymbols({ ...ground.repository, name, limit: plannerLimits.maxDefinitions });
  return found
    .filter(({ path, name: own }) => ground.has(path) && own === (name.split(/[.#:]+/u).at(-1) ?? name))
    .map((symbol) => ({ name, path: symbol.path, line: symbol.line, kind: symbol.kind }));
}

/** What past releases were called stays as it was. */
function isChangelog(path: string): boolean {
  return /(?:^|\/)(?:changelog|changes|history|releases?|news)[^/]*$/iu.test(path);
}

/** Undefined when the old name is nowhere: there is nothing to rename then. */
export async function draftRename(
  ground: Ground,
  { clause }: Evidence,
  { id, needs }: { id: string; needs: readonly string[] },
): Promise<DraftPart | undefined> {
  if (clause.rename === undefined) return undefined;
  const { from, to } = clause.rename;
  const bare = from.split(/[.#:]+/u).at(-1) ?? from;
  const [definitions, mentioned] = await Promise.all([definitionsOf(ground, from), findMentions(ground, bare)]);
  const files = [...new Set([...definitions.map(({ path }) => path), ...mentioned])].slice(
    0,
    plannerLimits.maxRenameFiles,
  );
  const code = files.filter((path) => roleOf(path) !== "docs");
  const docs = files.filter((path) => roleOf(path) === "docs" && !isChangelog(path));
  if (code.length + docs.length === 0) return undefined;
  const defined =
    definitions.length === 0
      ? `No definition of \`${from}\` was parsed; it occurs in ${list(files.slice(0, 3))}`
      : `${list(definitions.slice(0, 3).map(place))} is the definition`;
  const isPublic = docs.length > 0 || code.some((path) => /(?:^|\/)(?:index|mod|lib|__init__)\.[a-z]+$/u.test(path));
  const steps = [
    step({
      id,
      title: `Rename ${from} to ${to} in ${code.length} file${code.length === 1 ? "" : "s"}`,
      summary: `Rename \`${from}\` to \`${to}\` at its definition and at every use, tests and comments included, in one go so that no state in between is broken. Names that only contain \`${bare}\` as a part stay. Files: ${list(code)}.`,
      rationale: `${defined}. Every file listed holds the name \`${bare}\` as a whole word at this commit.`,
      files: code.length > 0 ? code : docs,
      needs,
      risk: code.length > 5 || isPublic ? "medium" : "low",
    }),
  ];
  if (docs.length > 0 && code.length > 0) {
    steps.push(
      step({
        id: `${id}-docs`,
        title: `Use the name ${to} in ${docs.length} document${docs.length === 1 ? "" : "s"}`,
        summary: `Replace \`${from}\` by \`${to}\` where the documents mean the code; leave entries about past releases as they are.`,
        rationale: `These documents hold \`${bare}\`: ${list(docs)}.`,
        files: docs,
        needs: [...needs],
      }),
    );
  }
  return {
    steps,
    assumptions: [`\`${to}\` is free: clashes with an existing name are resolved by the writer and reported.`],
    risks: isPublic
      ? [
          `\`${from}\` seems to be public (exported or documented): code outside this repository may use it. Keep an alias if that matters.`,
        ]
      : [],
    criteria: [
      `A search for the whole word \`${bare}\` finds nothing but intended leftovers (aliases, past release notes).`,
    ],
  };
}
