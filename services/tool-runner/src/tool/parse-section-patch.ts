// Reads the patch form that names files in sections (`*** Update File: …`) and places hunks by the
// line that encloses them (`@@ def total`). What it cannot read for certain is refused.
import { AgentError } from "@ossaat/contracts";
import { sectionHeader } from "@ossaat/policy";

import type { FilePatch, Hunk } from "./parse-patch.ts";

const frame = /^\*\*\* (?:Begin|End) Patch\s*$/u;

/** Whether a text is in this form: it has a header of a section. */
export function isSectionPatch(lines: readonly string[]): boolean {
  return lines.some((line) => sectionHeader(line) !== undefined);
}

/** What stands around a patch that was sent as a shell would take it. */
export function withoutFrame(lines: readonly string[]): string[] {
  const marker = lines.map((line) => /^\s*apply_patch\s+<<-?\s*['"]?(\w+)['"]?\s*$/u.exec(line)?.[1]).find(Boolean);
  return lines.filter(
    (line) => !frame.test(line) && !/^\s*apply_patch\s+<</u.test(line) && line.trim() !== (marker ?? "\0"),
  );
}

function refuse(message: string): AgentError {
  return new AgentError("invalid_input", `The patch cannot be read: ${message}`);
}

/** The text of an anchor; none for a bare `@@` and for the line numbers of a unified diff. */
function anchorOf(line: string): string | undefined {
  const text = line
    .replace(/^@@+/u, "")
    .replace(/\s@@\s*$/u, "")
    .trim();
  return text === "" || text === "@@" || /^-\d+(?:,\d+)? \+\d+(?:,\d+)?/u.test(text) ? undefined : text;
}

function openHunk(file: FilePatch, header: string): Hunk {
  const hunk: Hunk = { header, line: 0, lines: [], noNewlineOld: false, noNewlineNew: false, anchors: [] };
  file.hunks.push(hunk);
  return hunk;
}

/** The hunk a `@@` line belongs to: several in a row nest, as a class and a method of it. */
function readAnchor(file: FilePatch, line: string): void {
  const last = file.hunks.at(-1);
  const hunk = last !== undefined && last.lines.length === 0 ? last : openHunk(file, line.trimEnd());
  const anchor = anchorOf(line);
  if (anchor !== undefined) hunk.anchors = [...(hunk.anchors ?? []), anchor];
}

function readUpdate(file: FilePatch, line: string): void {
  if (line.startsWith("@@")) return readAnchor(file, line);
  const open = file.hunks.at(-1);
  if (open === undefined && line.trim() === "") return undefined;
  const hunk = open ?? openHunk(file, "@@");
  if (/^\*\*\* End of File\s*$/u.test(line)) hunk.isAtEnd = true;
  else if (hunk.isAtEnd === true && line.trim() !== "")
    throw refuse(`${JSON.stringify(line)} follows *** End of File.`);
  else if (line === "") hunk.lines.push({ kind: " ", text: "", isBare: true });
  else if (line[0] === " " || line[0] === "-" || line[0] === "+")
    hunk.lines.push({ kind: line[0], text: line.slice(1) });
  else throw refuse(`a line of hunk "${hunk.header}" begins with neither space, + nor -: ${JSON.stringify(line)}`);
  return undefined;
}

function readAdd(file: FilePatch, line: string): void {
  const hunk = file.hunks[0] ?? openHunk(file, "@@");
  if (line.startsWith("+")) hunk.lines.push({ kind: "+", text: line.slice(1) });
  else if (line.trim() !== "") {
    throw refuse(`every line of the new file ${file.newPath} begins with +, not as ${JSON.stringify(line)}.`);
  } else hunk.lines.push({ kind: "+", text: "", isBare: true });
}

type Section = { kind: "add" | "update" | "delete"; file: FilePatch };

function openSection(header: { kind: string; path: string }, line: string, sections: Section[]): Section {
  const { kind, path } = header;
  const last = sections.at(-1);
  if (kind === "move") {
    if (last?.kind !== "update" || last.file.hunks.length > 0) {
      throw refuse(`${JSON.stringify(line)} belongs right below *** Update File.`);
    }
    last.file.newPath = path;
    return last;
  }
  const section: Section =
    kind === "add"
      ? { kind, file: { newPath: path, hunks: [] } }
      : kind === "delete"
        ? { kind, file: { oldPath: path, hunks: [] } }
        : { kind: "update", file: { oldPath: path, newPath: path, hunks: [] } };
  sections.push(section);
  return section;
}

function finish({ kind, file }: Section): FilePatch {
  for (const hunk of file.hunks) while (hunk.lines.at(-1)?.isBare === true) hunk.lines.pop();
  file.hunks = file.hunks.filter((hunk) => hunk.lines.length > 0 || hunk.anchors?.length !== 0);
  const isMove = file.oldPath !== file.newPath;
  if (kind === "update" && file.hunks.length === 0 && !isMove) throw refuse(`no hunk for ${file.newPath}.`);
  if (kind === "add" && file.hunks.length === 0) throw refuse(`the new file ${file.newPath} has no line.`);
  return file;
}

/** Files and hunks. @throws AgentError invalid_input */
export function parseSectionPatch(lines: readonly string[]): FilePatch[] {
  const sections: Section[] = [];
  for (const line of withoutFrame(lines)) {
    const header = sectionHeader(line);
    const section = sections.at(-1);
    if (header !== undefined) openSection(header, line, sections);
    else if (section === undefined) {
      if (line.trim() !== "") throw refuse(`${JSON.stringify(line)} stands before any *** Update File.`);
    } else if (section.kind === "update") readUpdate(section.file, line);
    else if (section.kind === "add") readAdd(section.file, line);
    else if (line.trim() !== "") throw refuse(`*** Delete File has no lines, but here is ${JSON.stringify(line)}.`);
  }
  return sections.map(finish);
}
