// Sentences of a plan, made of what was found. Nothing is said that was not looked up.
import type { Evidence, FileFinding, Place } from "./evidence.ts";

/** Text cut to a length, at a word when there is one near. */
export function clip(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const cut = text.slice(0, maxChars - 1);
  const space = cut.lastIndexOf(" ");
  return `${space > maxChars * 0.7 ? cut.slice(0, space) : cut}…`;
}

/** `a`, `a and b`, `a, b and c`. */
export function list(items: readonly string[]): string {
  return items.length <= 1 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

export function place({ name, path, line }: Place): string {
  return `\`${name}\` (${path}:${line})`;
}

export function quoted(words: readonly string[]): string {
  return list(words.map((word) => `“${word}”`));
}

/** The goal's own words as a heading. */
export function heading(text: string): string {
  const line = text.replaceAll(/\s+/gu, " ").replace(/[.;,\s]+$/u, "");
  return line.charAt(0).toUpperCase() + line.slice(1);
}

/** Why a file is part of the work. */
export function because({ path, places, words }: FileFinding, named: readonly Place[]): string {
  const own = named.filter((candidate) => candidate.path === path);
  if (own.length > 0) return `${list(own.map(place))} ${own.length === 1 ? "is" : "are"} named in the goal`;
  const where = places.length === 0 ? path : list(places.slice(0, 3).map(place));
  const isOne = places.length <= 1;
  if (words.length === 0) return `${where} ${isOne ? "is" : "are"} named in the goal`;
  return `${where} ${isOne ? "matches" : "match"} ${quoted(words.slice(0, 5))}`;
}

export type Confidence = "high" | "medium" | "low" | "none";

/** How well the places found cover what the goal says. */
export function confidenceOf(evidence: Evidence): Confidence {
  const { namedPaths, named, matched, unmatched, source, docs, tests, others } = evidence;
  if (namedPaths.length > 0 || named.length > 0) return "high";
  if (source.length + docs.length + tests.length + others.length === 0 || matched.length === 0) return "none";
  const best = source[0] ?? docs[0] ?? others[0] ?? tests[0];
  const total = matched.length + unmatched.length;
  const covered = (best?.words.length ?? 0) / Math.max(1, total);
  const names = [best?.path ?? "", ...(best?.places ?? []).map(({ name }) => name)].join(" ").toLowerCase();
  const inNames = matched.filter((word) => names.includes(word)).length;
  // Words in names say what a place is for; words in its text may stand there for another reason.
  if (covered >= 0.6 && inNames * 2 >= total) return "high";
  return covered >= 0.34 ? "medium" : "low";
}
