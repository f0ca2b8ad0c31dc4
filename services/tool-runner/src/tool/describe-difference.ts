// In words: what tells a line of an edit from the line of the file it comes nearest to.
import { foldLookAlikes, nameCharacter } from "./look-alikes.ts";
import { indentOf } from "./map-indentation.ts";

const maxLineChars = 160;

export function shorten(line: string): string {
  return line.length > maxLineChars ? `${line.slice(0, maxLineChars)}…` : line;
}

function nameIndent(indent: string): string {
  if (indent === "") return "none";
  const tabs = indent.split("\t").length - 1;
  const spaces = indent.length - tabs;
  const words = [
    tabs === 0 ? "" : `${tabs} tab${tabs === 1 ? "" : "s"}`,
    spaces === 0 ? "" : `${spaces} space${spaces === 1 ? "" : "s"}`,
  ];
  return words.filter((word) => word !== "").join(" and ");
}

const invisible = /[\u200B-\u200D\u2060\u00AD\uFEFF]/gu;
const squeeze = (line: string): string => line.replace(/\s+/gu, "");

/** Where two lines begin to differ, as the two characters there. */
function firstDifference(theirs: string, ours: string): string {
  const [a, b] = [Array.from(theirs), Array.from(ours)];
  const at = a.findIndex((character, index) => character !== b[index]);
  const index = at < 0 ? a.length : at;
  const name = (character: string | undefined) => (character === undefined ? "nothing" : nameCharacter(character));
  return `at column ${index + 1} the file has ${name(b[index])}, the edit ${name(a[index])}`;
}

/** Why two lines that look alike are not equal, in words; undefined when they simply read differently. */
export function explainDifference(theirs: string, ours: string): string | undefined {
  if (theirs === ours) return undefined;
  if (theirs.trimEnd() === ours.trimEnd()) return "only the space at its end differs";
  if (theirs.trim() === ours.trim()) {
    return `the file indents it by ${nameIndent(indentOf(ours))}, the edit by ${nameIndent(indentOf(theirs))}`;
  }
  if (foldLookAlikes(theirs).trim() === foldLookAlikes(ours).trim()) return firstDifference(theirs.trim(), ours.trim());
  if (theirs.replace(invisible, "") === ours.replace(invisible, "")) return firstDifference(theirs, ours);
  if (theirs.normalize("NFC") === ours.normalize("NFC")) {
    return `accented characters are composed in another way: ${firstDifference(theirs, ours)}`;
  }
  if (squeeze(theirs) === squeeze(ours)) return `the spacing inside differs: ${firstDifference(theirs, ours)}`;
  if (theirs.trim().toLowerCase() === ours.trim().toLowerCase()) return "upper and lower case differ";
  const [a, b] = [Array.from(theirs.trim()), Array.from(ours.trim())];
  const odd = a.filter((character, index) => character !== b[index]);
  const isForeign = (character: string) => /[^\p{ASCII}]/u.test(character);
  const foreign = odd.some(isForeign) || b.some((character, index) => character !== a[index] && isForeign(character));
  return a.length === b.length && odd.length <= 3 && foreign ? firstDifference(theirs.trim(), ours.trim()) : undefined;
}
