// A light stem: enough that "parsing", "parsed" and "parse" meet, little enough that names stay apart.

function undouble(word: string): string {
  const last = word.at(-1);
  return last === word.at(-2) && last !== undefined && !"aeiouls".includes(last) ? word.slice(0, -1) : word;
}

function dropPlural(word: string): string {
  if (word.endsWith("ies") && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ss|x|ch|sh)es$/u.test(word)) return word.slice(0, -2);
  return /[^sui]s$/u.test(word) && word.length > 3 ? word.slice(0, -1) : word;
}

function dropEnding(word: string): string {
  if (word.endsWith("ing") && word.length > 5) return undouble(word.slice(0, -3));
  if (word.endsWith("ed") && word.length > 4) return undouble(word.slice(0, -2));
  if (/(?:tt|pp|nn|rs|dl|zz|gg|mm|bb|dd)er$/u.test(word) && word.length > 5) return undouble(word.slice(0, -2));
  return /[ts]ion$/u.test(word) && word.length > 6 ? word.slice(0, -3) : word;
}

/** Stem of a lower-case word; words that are not plain ASCII letters stay as they are. */
export function stem(word: string): string {
  if (!/^[a-z]{4,24}$/u.test(word)) return word;
  const short = dropEnding(dropPlural(word));
  return short.endsWith("e") && short.length > 4 ? short.slice(0, -1) : short;
}
