// Commands as text that can be pasted into a shell as it stands.

const plain = /^[A-Za-z0-9_./:=@%+,-]+$/;

/** Neither a word with these survives a terminal, nor does a person see them. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function octal(text: string): string {
  return [...Buffer.from(text, "utf8")].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** One word in quotes where it needs them; for showing, behind an escape. */
export function quoteWord(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** One word for a POSIX shell; unprintable characters are made by printf, so that nothing hides. */
export function shellQuote(word: string): string {
  if (!unprintable.test(word)) return quoteWord(word);
  // NOTE: `$(…)` drops line feeds at the end; the x behind them is taken off again.
  return `"$(w=$(printf '${octal(word)}x'); printf %s "\${w%x}"; )"`;
}

/**
 * The words of a command that a person wrote into a setting: quotes and backslashes as in a shell, and nothing else of
 * one. A quote that is left open ends with the text.
 */
export function splitWords(text: string): string[] {
  const words = text.matchAll(/(?:'[^']*'?|"(?:\\.|[^"\\])*"?|\\.|[^\s'"\\])+/gsu);
  return [...words].map(([word]) =>
    word.replaceAll(
      /'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.)/gsu,
      (_whole, single?: string, double?: string, bare?: string) =>
        single ?? double?.replaceAll(/\\(["\\$`])/gu, "$1") ?? bare ?? "",
    ),
  );
}

/** A whole command on one line. */
export function commandLine(words: readonly string[]): string {
  return words.map(shellQuote).join(" ");
}
