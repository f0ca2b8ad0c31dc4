// Breaks lines of prose between words. Commands and diffs are never broken here: they are copied, and compared.
import { columnsOf } from "./clip-styled.ts";

/** Fewer columns than this for the text: the terminal breaks it as it likes. */
const minColumns = 20;

/**
 * The text in lines of at most `columns` columns, the later ones indented. A word that is longer stays whole.
 *
 * @param columns of the terminal; undefined = it has none, so nothing is broken
 */
export function wrapWords(
  text: string,
  { columns, indent }: { columns: number | undefined; indent: number },
): string[] {
  if (columns === undefined || columns - indent < minColumns || columnsOf(text) <= columns) return [text];
  const lines: string[] = [];
  const margin = " ".repeat(indent);
  // The blanks that the text begins with, and those of a label, belong to the word behind them.
  let line = "";
  for (const word of text.match(/^ *[^ ]* *[^ ]*| +[^ ]*/gu) ?? []) {
    if (line !== "" && columnsOf(line + word) > columns) {
      lines.push(line);
      line = margin + word.trimStart();
    } else line += word;
  }
  return [...lines, line].map((each) => each.trimEnd());
}
