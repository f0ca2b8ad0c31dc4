// Untrusted text inside the markdown a person reads: it can neither begin a line of its own nor
// hide what stands beside it.

const lineBreaks = /[\r\n\u2028\u2029\u0085\t\v\f]+/gu;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const invisible = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu;
/** What markdown reads as structure where a line or a list item begins. */
const structure = /^(?:#{1,6}(?=\s|$)|[-+*](?=\s|$)|>|\||\[|[-*_=]{3,}|`{3,}|~{3,}|=+\s*$)/u;
const numbered = /^(\d{1,9})([.)])(?=\s|$)/u;

/** What follows the words of a link or picture: previewers load pictures by themselves. */
const target = /\]([([:])/gu;

function visible(text: string): string {
  const shown = text.replaceAll(invisible, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  return shown.trim();
}

/** One line of text: breaks become blanks, control and direction characters are spelt out. */
export function inline(text: string): string {
  const line = visible(text.replaceAll(lineBreaks, " ")).replaceAll("<", "\\<").replaceAll(target, "]\\$1");
  if (structure.test(line)) return `\\${line}`;
  return line.replace(numbered, "$1\\$2");
}

/** One line as a code span; the fence is longer than any run of backticks in it. */
export function code(text: string): string {
  const line = visible(text.replaceAll(lineBreaks, " "));
  const longest = Math.max(0, ...[...line.matchAll(/`+/gu)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const gap = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${gap}${line}${gap}${fence}`;
}

/** A text of any length: one line as it is, several as a quoted block. */
export function prose(text: string): string {
  const lines = text.trim().split(/\r\n|[\r\n\u2028\u2029\u0085]/u);
  if (lines.length === 1) return inline(text);
  return lines.map((line) => `> ${inline(line)}`.trimEnd()).join("\n");
}

/** A text under its name: beside it when it is one line, else as a block below. */
export function labelled(name: string, text: string): string {
  const shown = prose(text);
  return shown.startsWith("> ") ? `${name}:\n\n${shown}` : `${name}: ${shown}`;
}
