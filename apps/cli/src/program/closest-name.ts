// The known name that a mistyped one most likely meant.
import { distance } from "fastest-levenshtein";

/** Undefined when nothing is near: more than two fifths of the letters differ. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const score = (candidate: string) => {
    const full = candidate.toLowerCase();
    const last = full.split(".").at(-1) ?? full;
    if (last.startsWith(lower) || full.startsWith(lower)) return 1;
    return Math.min(distance(lower, full), distance(lower, last) + 1);
  };
  const [best] = known
    .map((candidate) => ({ candidate, score: score(candidate) }))
    .sort((left, right) => left.score - right.score);
  return best !== undefined && best.score <= Math.max(2, name.length * 0.4) ? best.candidate : undefined;
}
