// Edits that could be made as they are written but are hardly meant so: refused with the reason.
import { AgentError } from "@ossaat/contracts";

import { alignLines } from "./align-lines.ts";
import { shorten } from "./describe-difference.ts";
import { numbered } from "./describe-matches.ts";
import { isBlank } from "./map-indentation.ts";
import { isDocument, isPlaceholder } from "./placeholder.ts";

function refuse(message: string): AgentError {
  return new AgentError("conflict", `${message} Nothing was changed.`);
}

/** New lines that stand for others ("// ... existing code ...") would end up in the file as text. */
export function checkNewLines(old: readonly string[], added: readonly string[], path: string): void {
  for (const op of alignLines(old, added, (line) => line.trim())) {
    if (op.kind !== "add") continue;
    const line = added[op.new] ?? "";
    if (!isPlaceholder(line, path, added[op.new - 1])) continue;
    throw refuse(
      `Line ${op.new + 1} of the new text, ${JSON.stringify(shorten(line.trim()))}, stands for lines instead of being one. Write them out, or make one edit for each stretch that changes.`,
    );
  }
}

/**
 * An edit that only adds around its old lines still finds them after it was made; made once more
 * it would add everything twice. `at` is the place of the old lines.
 */
export function checkNotMade(
  lines: readonly string[],
  at: number,
  { old, added, path }: { old: readonly string[]; added: readonly string[]; path: string },
): void {
  if (added.length <= old.length) return;
  for (let offset = 0; offset + old.length <= added.length; offset += 1) {
    if (!old.every((line, index) => line === added[offset + index])) continue;
    const start = at - offset;
    if (start < 0 || !added.every((line, index) => line === lines[start + index])) continue;
    throw refuse(
      `The new lines are already in ${path}, at line ${start + 1}, around the old ones: this edit seems to be made. To have them twice, name more of the lines around.`,
    );
  }
}

export type ExactPlace = {
  text: string;
  offset: number;
  /** Line of the offset, from 0. */
  line: number;
  lines: readonly string[];
  edit: { oldText: string; newText: string; replaceAll: boolean; path: string };
};

const commentStart = /^\s*(?:(?:\/\/+|--+|\/\*+|<!--)\s*|(?:#+|\*|;+)\s+)$/u;

/** A text found only behind a comment mark is code that was switched off, not the code that is meant. */
function checkComment(before: string, { line, lines, edit }: ExactPlace): void {
  if (isDocument(edit.path) || !commentStart.test(before) || !/[=;{}()]/u.test(edit.oldText)) return;
  throw refuse(
    `oldText occurs in ${edit.path} only in a comment:\n${numbered([lines[line] ?? ""], line + 1)}\nIf the comment is meant, begin oldText with its mark; if not, read the file again.`,
  );
}

/** oldText begins behind the indentation of its line: do the new lines bring theirs? */
function checkIndentation(before: string, { line, lines, edit }: ExactPlace): void {
  if (before === "" || !isBlank(before) || /^\s/u.test(edit.oldText)) return;
  const [first = "", ...rest] = edit.newText.split("\n");
  const shown = numbered([lines[line] ?? ""], line + 1);
  if (first.startsWith(before) && !isBlank(first)) {
    throw refuse(
      `oldText begins behind the indentation of line ${line + 1}, and newText begins with that indentation: it would be there twice. Begin both at the start of the line:\n${shown}\n`,
    );
  }
  const isOneLine = !edit.oldText.trimEnd().includes("\n");
  if (isOneLine && rest.some((each) => !isBlank(each) && !each.startsWith(before))) {
    throw refuse(
      `oldText begins behind the indentation of line ${line + 1}, and later lines of newText are indented less than that line. Begin both at the start of the line and give every line its full indentation:\n${shown}\n`,
    );
  }
}

/** The same as {@link checkNotMade} for parts of lines. */
function checkTextNotMade({ text, offset, line, lines, edit: { oldText, newText, path } }: ExactPlace): void {
  for (let part = newText.indexOf(oldText); part >= 0; part = newText.indexOf(oldText, part + 1)) {
    if (offset < part || !text.startsWith(newText, offset - part)) continue;
    throw refuse(
      `newText is already in ${path} around oldText, at line ${line + 1}: this edit seems to be made. To have it twice, name more of the text around:\n${numbered(lines.slice(line, line + 1), line + 1)}\n`,
    );
  }
}

/** @throws AgentError conflict for an exact match that is hardly meant */
export function checkExact(place: ExactPlace): void {
  if (!place.edit.replaceAll) checkTextNotMade(place);
  const before = place.text.slice(place.text.lastIndexOf("\n", place.offset - 1) + 1, place.offset);
  checkComment(before, place);
  checkIndentation(before, place);
}
