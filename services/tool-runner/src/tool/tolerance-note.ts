// What a result says of a match that was not exact, so that nobody takes the file for the edit.
import type { Tolerance } from "./find-block.ts";

const words: Readonly<Record<Exclude<Tolerance, "none">, string>> = {
  "trailing space": "space at line ends, where the file keeps its own",
  "look-alike characters": "look-alike characters, where the file keeps its own",
  indentation: "indentation, which was fitted to the file's",
};

/** One line for the model, empty for an exact match. `what` names the part of the edit. */
export function toleranceNote(what: string, tolerances: readonly Tolerance[]): string {
  const named = tolerances.flatMap((each) => (each === "none" ? [] : [words[each]]));
  return named.length === 0 ? "" : `\n[${what} matched but for ${named.join("; ")}]`;
}
