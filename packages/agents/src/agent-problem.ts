// What is wrong with a profile, told so that it can be mended without reading our code.
import { closest, distance } from "fastest-levenshtein";

export type AgentProblem = {
  path: string;
  /** 1-based line of the file. */
  line?: number;
  message: string;
};

/** ` Did you mean "x"?` when a known word is near, else nothing. */
export function suggest(word: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(word, known);
  return distance(word, nearest) <= Math.max(2, Math.floor(word.length / 3)) ? ` Did you mean "${nearest}"?` : "";
}
