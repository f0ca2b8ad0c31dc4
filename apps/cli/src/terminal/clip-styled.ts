// Cuts lines to a number of terminal columns; wide characters take two, colours none.
import width from "fast-string-width";

// oxlint-disable-next-line no-control-regex -- the escape character begins every colour
const piece = /\u001b\[[0-9;]*m|[^\u001b]/gu;

/** Columns a text takes on a terminal. */
export function columnsOf(text: string): number {
  return width(text);
}

/** After a cut the text ends with … and, where it had colours, without colour. */
export function clipStyled(line: string, columns: number): string {
  if (width(line) <= columns) return line;
  let used = 0;
  let out = "";
  for (const [part] of line.matchAll(piece)) {
    const isColour = part.length > 1 && part.startsWith("\u001b");
    const next = isColour ? used : used + width(part);
    if (next > columns - 1) break;
    out += part;
    used = next;
  }
  return out.includes("\u001b") ? `${out}\u001b[0m…` : `${out}…`;
}
