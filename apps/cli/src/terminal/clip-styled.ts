// Cuts a line that may hold colours to a number of visible characters.

// oxlint-disable-next-line no-control-regex -- the escape character begins every colour
const colour = /\u001b\[[0-9;]*m/g;

/** Colours do not count; after a cut the text ends with … and without colour. */
export function clipStyled(line: string, width: number): string {
  if (line.replaceAll(colour, "").length <= width) return line;
  let visible = 0;
  let out = "";
  for (let at = 0; at < line.length && visible < width - 1;) {
    colour.lastIndex = at;
    const match = colour.exec(line);
    if (match?.index === at) {
      out += match[0];
      at += match[0].length;
      continue;
    }
    out += line[at] ?? "";
    visible += 1;
    at += 1;
  }
  return `${out}\u001b[0m…`;
}
