// The bounded view of a repository that a planner's prompt starts from.
import type { IndexService, IndexedSymbol, ProjectProfile, RepositoryRef, SearchHit } from "@ossaat/contracts";

import { isPlainPath } from "./file-role.ts";
import { plannerLimits } from "./limits.ts";
import { clip } from "./phrases.ts";

export type PlanningContext = {
  profile: ProjectProfile;
  guidance: { path: string; text: string }[];
  hits: SearchHit[];
  outlines: { path: string; symbols: IndexedSymbol[] }[];
  /** All of it as text, within the budget of characters. */
  text: string;
  /** Places quoted, as `path:first-last`. */
  sources: string[];
};

function describeProfile(profile: ProjectProfile): string {
  const commands = (found: ProjectProfile["testCommands"]) =>
    found.map(({ argv, source }) => `\`${argv.join(" ")}\` (${source})`).join(", ");
  const lines = [
    `Files: ${profile.fileCount}. Languages: ${
      profile.languages
        .slice(0, 6)
        .map(({ name, files }) => `${name} ${files}`)
        .join(", ") || "none known"
    }.`,
    `Top level: ${profile.topLevel.filter(isPlainPath).slice(0, 60).join(" ")}`,
    `Package managers: ${profile.packageManagers.join(", ") || "none found"}.`,
    `Tests: ${commands(profile.testCommands) || "no command found"}.`,
    `Build: ${commands(profile.buildCommands) || "no command found"}.`,
  ];
  return ["## Project", ...lines].join("\n");
}

async function readGuidance(index: IndexService, repository: RepositoryRef, profile: ProjectProfile) {
  const guidance: PlanningContext["guidance"] = [];
  for (const path of profile.guidanceFiles.slice(0, 2)) {
    const { text, truncated } = await index.readFile({ ...repository, path, maxBytes: plannerLimits.maxGuidanceChars });
    guidance.push({ path, text: truncated ? `${text}\n[cut off]` : text });
  }
  return guidance;
}

function describeOutline({ path, symbols }: PlanningContext["outlines"][number]): string {
  const shown = symbols
    .slice(0, plannerLimits.maxOutlineSymbols)
    .map(({ line, signature }) => `${line}: ${clip(signature, 120)}`);
  const rest = symbols.length - shown.length;
  return [`### Outline of ${path}`, ...shown, ...(rest > 0 ? [`(${rest} more)`] : [])].join("\n");
}

function describeHit(hit: SearchHit): string {
  const where = `${hit.path}:${hit.startLine}-${hit.endLine}`;
  return `### ${where}${hit.symbol === undefined ? "" : ` in ${hit.symbol}`} (${hit.signals.join("; ")})\n${hit.snippet}`;
}

/** Puts blocks together while they fit; a block that does not fit is left out whole. */
class Page {
  readonly #blocks: string[] = [];
  #left: number = plannerLimits.maxContextChars;

  add(block: string): boolean {
    if (block.length + 2 > this.#left) return false;
    this.#left -= block.length + 2;
    this.#blocks.push(block);
    return true;
  }

  toString(): string {
    return this.#blocks.join("\n\n");
  }
}

/** Profile, guidance, the best places for the goal and the outlines of their files. */
export async function gatherContext(
  index: IndexService,
  { goal, repository }: { goal: string; repository: RepositoryRef },
): Promise<PlanningContext> {
  const profile = await index.profile(repository);
  const guidance = await readGuidance(index, repository, profile);
  const found = await index.search({ ...repository, query: goal, topK: 16 });
  const hits = found.filter(({ path }) => isPlainPath(path));
  const outlined = [...new Set(hits.map(({ path }) => path))].slice(0, plannerLimits.outlinedFiles);
  const outlines = await Promise.all(
    outlined.map(async (path) => ({ path, symbols: await index.outline({ ...repository, path }) })),
  );
  const page = new Page();
  const sources: string[] = [];
  page.add(clip(describeProfile(profile), 6_000));
  for (const { path, text } of guidance) page.add(`## Guidance (${path})\n${text}`);
  page.add(
    hits.length === 0 ? "## Places for the goal\n(no file matches its words)" : "## Places for the goal, best first",
  );
  for (const hit of hits) {
    if (page.add(describeHit(hit))) sources.push(`${hit.path}:${hit.startLine}-${hit.endLine}`);
  }
  for (const outline of outlines) if (outline.symbols.length > 0) page.add(describeOutline(outline));
  return { profile, guidance, hits, outlines, text: page.toString(), sources };
}
