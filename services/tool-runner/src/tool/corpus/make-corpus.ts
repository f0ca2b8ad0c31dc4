// All cases of the corpus, the same in every run.
import { makeRandom, readSeeds, readTraps } from "./edit-case.ts";
import type { EditCase, Seed } from "./edit-case.ts";
import { pairMistakes, patchMistakes } from "./patch-mistakes.ts";
import { searchMistakes } from "./search-mistakes.ts";
import { sectionMistakes } from "./section-mistakes.ts";
import { buildCase } from "./seed-lines.ts";
import type { Pick } from "./seed-lines.ts";

/** Cases of one mistake at most; more would repeat what the others show. */
const casesPerMistake = 10;
const chanceSeed = 20_261_125;

/** Seeds in an order of chance, one of each file before a second one of any. */
function spread(seeds: readonly Seed[], pick: Pick): Seed[] {
  const rest = [...seeds];
  const mixed: Seed[] = [];
  while (rest.length > 0) mixed.push(...rest.splice(pick(rest.length), 1));
  const rank = (seed: Seed) => mixed.filter(({ path }) => path === seed.path).indexOf(seed);
  return mixed.toSorted((a, b) => rank(a) - rank(b));
}

export function makeCorpus(): EditCase[] {
  const random = makeRandom(chanceSeed);
  const pick: Pick = (limit) => Math.floor(random() * limit);
  const seeds = readSeeds();
  const next = (seed: Seed) => seeds[seeds.indexOf(seed) + 1];
  const pairs = pairMistakes((seed) => (next(seed)?.path === seed.path ? next(seed) : undefined));
  const made = [...searchMistakes, ...patchMistakes, ...pairs, ...sectionMistakes].flatMap((mistake) =>
    spread(seeds, pick)
      .flatMap((seed) => buildCase(mistake, seed, pick) ?? [])
      .slice(0, casesPerMistake),
  );
  return [...made, ...readTraps()];
}
