// Reads a patch as models and git write it. Line numbers and counts are not trusted: the
// lines are.
import { AgentError } from "@ossaat/contracts";
import { headerPath } from "@ossaat/policy";

import { isSectionPatch, parseSectionPatch, withoutFrame } from "./parse-section-patch.ts";

export type PatchLine = {
  kind: " " | "-" | "+";
  text: string;
  /** The line is empty, without even the space of a context line. */
  isBare?: boolean;
};
export type Hunk = {
  header: string;
  line: number;
  lines: PatchLine[];
  noNewlineOld: boolean;
  noNewlineNew: boolean;
  /** Lines of the file that enclose the hunk, the outermost first. */
  anchors?: string[];
  /** Its old lines are the last ones of the file. */
  isAtEnd?: boolean;
};

/** One file of a patch. `oldPath` is undefined for a new file, `newPath` for a deleted one. */
export type FilePatch = { oldPath?: string; newPath?: string; hunks: Hunk[]; mode?: number };

type Draft = { from?: string; to?: string; hunks: Hunk[]; mode?: number; oldPath?: string; newPath?: string };

function refuse(message: string): AgentError {
  return new AgentError("invalid_input", `The patch cannot be read: ${message}`);
}

function finish(draft: Draft): FilePatch {
  const oldPath = draft.oldPath ?? draft.from;
  const newPath = draft.newPath ?? draft.to;
  const isRename = draft.from !== undefined && draft.to !== undefined;
  if (draft.hunks.length === 0 && !isRename) throw refuse(`no hunk for ${newPath ?? oldPath ?? "a file"}.`);
  return {
    ...(oldPath === undefined ? {} : { oldPath }),
    ...(newPath === undefined ? {} : { newPath }),
    hunks: draft.hunks,
    ...(draft.mode === undefined ? {} : { mode: draft.mode }),
  };
}

/** State of the reader: the file and the hunk that lines belong to. */
type Reader = { files: Draft[]; hunk: Hunk | undefined };

function current(reader: Reader): Draft | undefined {
  return reader.files.at(-1);
}

function openFile(reader: Reader): Draft {
  const draft: Draft = { hunks: [] };
  reader.files.push(draft);
  reader.hunk = undefined;
  return draft;
}

function readHeader(reader: Reader, line: string): boolean {
  if (line.startsWith("diff --git ")) {
    openFile(reader);
    return true;
  }
  const moved = /^rename (from|to) (.+)$/u.exec(line);
  if (moved !== null) {
    const draft = current(reader);
    const isStart = moved[1] === "from" && (draft === undefined || draft.from !== undefined || draft.hunks.length > 0);
    const target = isStart || draft === undefined ? openFile(reader) : draft;
    if (moved[1] === "from") target.from = moved[2] ?? "";
    else target.to = moved[2] ?? "";
    return true;
  }
  if (/^(?:GIT binary patch|Binary files )/u.test(line)) throw refuse("binary changes are not supported.");
  const mode = /^(?:new file mode|new mode) 100(\d{3})$/u.exec(line);
  const draft = current(reader);
  if (mode !== null && draft !== undefined) draft.mode = Number.parseInt(mode[1] ?? "644", 8);
  return false;
}

function readHunkLine(hunk: Hunk, line: string): void {
  const kind = line[0];
  if (line.startsWith("\\ No newline")) {
    const last = hunk.lines.at(-1)?.kind;
    if (last !== "+") hunk.noNewlineOld = true;
    if (last !== "-") hunk.noNewlineNew = true;
  } else if (kind === " " || kind === "-" || kind === "+") hunk.lines.push({ kind, text: line.slice(1) });
  // Models drop the lone space of an empty context line.
  else if (line === "") hunk.lines.push({ kind: " ", text: "", isBare: true });
  else throw refuse(`a line of hunk "${hunk.header}" begins with neither space, + nor -: ${JSON.stringify(line)}`);
}

function hasPaths(draft: Draft): boolean {
  return draft.oldPath !== undefined || draft.newPath !== undefined;
}

/** Empty lines after the last real line of a hunk belong to the text around the patch. */
function trimHunks(files: readonly Draft[]): void {
  for (const hunk of files.flatMap((file) => file.hunks)) {
    while (hunk.lines.at(-1)?.isBare === true) hunk.lines.pop();
  }
}

/** Models wrap a patch as in a chat; the closing fence would read as a line of the last hunk. */
function withoutFence(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => line.trim() !== "");
  if (lines[last]?.trim() !== "```") return lines;
  const first = lines.findIndex((line) => line.trim() !== "");
  return lines.slice(/^\s*```\w*\s*$/u.test(lines[first] ?? "") && first < last ? first + 1 : 0, last);
}

/** Files and hunks of a patch. @throws AgentError invalid_input */
export function parsePatch(patch: string): FilePatch[] {
  const sent = withoutFence(patch.split(/\r?\n/u));
  if (isSectionPatch(sent)) return parseSectionPatch(sent);
  const lines = withoutFrame(sent);
  const reader: Reader = { files: [], hunk: undefined };
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const next = lines[index + 1] ?? "";
    if (line.startsWith("--- ") && next.startsWith("+++ ")) {
      const last = current(reader);
      const [oldPath, newPath] = [headerPath(line), headerPath(next)];
      const isFresh = last !== undefined && last.hunks.length === 0 && !hasPaths(last) && reader.hunk === undefined;
      const isSame = last?.from === undefined || (last.from === oldPath && last.to === newPath);
      const draft = isFresh && isSame ? last : openFile(reader);
      if (oldPath !== undefined) draft.oldPath = oldPath;
      if (newPath !== undefined) draft.newPath = newPath;
      if (oldPath === undefined && newPath === undefined) throw refuse("a file has two /dev/null sides.");
      reader.hunk = undefined;
      index += 1;
    } else if (line.startsWith("@@")) {
      const draft = current(reader);
      if (draft === undefined) throw refuse("a hunk comes before any ---/+++ header.");
      const at = /^@@+ -(\d+)/u.exec(line)?.[1];
      reader.hunk = { header: line, line: Number(at ?? 0), lines: [], noNewlineOld: false, noNewlineNew: false };
      draft.hunks.push(reader.hunk);
    } else if (line.startsWith("diff --git ") || reader.hunk === undefined) readHeader(reader, line);
    else readHunkLine(reader.hunk, line);
  }
  trimHunks(reader.files);
  const files = reader.files.map(finish);
  if (files.length === 0) throw refuse("it names no file; it needs ---/+++ headers and @@ hunks.");
  return files;
}
