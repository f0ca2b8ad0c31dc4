// Characters that a model writes for one another because they look the same. They help to find
// the place that is meant; what is written there stays as the file has it.

/** Each class is named by its plain member. Every member is one UTF-16 unit, so offsets stay true. */
const classes: readonly (readonly [string, RegExp])[] = [
  ["'", /[\u2018\u2019\u201A\u201B\u2032]/gu],
  ['"', /[\u201C\u201D\u201E\u201F\u2033]/gu],
  ["-", /[\u2010-\u2015\u2212]/gu],
  [" ", /[\u00A0\u2000-\u200A\u202F\u205F\u3000]/gu],
];

/** Text with every look-alike in its plain form; of the same length. */
export function foldLookAlikes(text: string): string {
  return classes.reduce((folded, [plain, pattern]) => folded.replace(pattern, plain), text);
}

/** Classes whose look-alikes occur in `text`, by plain member. */
export function fancyClasses(text: string): Set<string> {
  return new Set(classes.filter(([, pattern]) => text.search(pattern) >= 0).map(([plain]) => plain));
}

/** Classes of which any member occurs in `text`. */
export function usedClasses(text: string): Set<string> {
  const folded = foldLookAlikes(text);
  return new Set(classes.filter(([plain]) => folded.includes(plain)).map(([plain]) => plain));
}

/** Classes in which two texts of equal folded form differ: where `a` has the look-alike, and where `b` has it. */
export function differingClasses(a: string, b: string): { inA: Set<string>; inB: Set<string> } {
  const inA = new Set<string>();
  const inB = new Set<string>();
  for (let at = 0; at < a.length; at += 1) {
    const [one, other] = [a[at] ?? "", b[at] ?? ""];
    if (one === other) continue;
    const plain = foldLookAlikes(one);
    if (one !== plain) inA.add(plain);
    if (other !== plain) inB.add(plain);
  }
  return { inA, inB };
}

const names: Readonly<Record<string, string>> = {
  "\t": "a tab",
  " ": "a space",
  "\u00A0": "a no-break space",
  "\u200B": "a zero-width space",
  "\u200C": "a zero-width non-joiner",
  "\u200D": "a zero-width joiner",
  "\u00AD": "a soft hyphen",
  "\uFEFF": "a byte order mark",
  "\r": "a carriage return",
};

/** A character as words: its look only where it has one, and its code point. */
export function nameCharacter(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `${names[character] ?? `"${character}"`} (U+${code})`;
}
