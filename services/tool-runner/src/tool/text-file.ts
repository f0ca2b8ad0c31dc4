// A text file taken apart so that it can be put together again with its own line ends, mark and
// final newline.
import { AgentError } from "@ossaat/contracts";

const byteOrderMark = "\uFEFF";

type LineEnd = "\n" | "\r\n";

export type TextFile = {
  /** Lines without their ends; the last one is empty when the text ends with a line end. */
  lines: readonly string[];
  /** The end of each line but the last. */
  ends: readonly LineEnd[];
  hasMark: boolean;
};

/** Lines `at` to `at + remove` become `insert`; no line may be in two edits of one file. */
export type LineEdit = { at: number; remove: number; insert: readonly string[] };

/** NUL bytes or broken UTF-8 mean it is not text. */
export function isBinary(data: Buffer): boolean {
  return data.subarray(0, 8_192).includes(0);
}

function splitText(body: string, hasMark: boolean): TextFile {
  const raw = body.split("\n");
  const ends = raw.slice(0, -1).map((line): LineEnd => (line.endsWith("\r") ? "\r\n" : "\n"));
  return { lines: raw.map((line, index) => (ends[index] === "\r\n" ? line.slice(0, -1) : line)), ends, hasMark };
}

/** @throws AgentError invalid_input for binary data or text that is not UTF-8. */
export function parseText(data: Buffer, path: string): TextFile {
  if (isBinary(data)) throw new AgentError("invalid_input", `${path} is a binary file.`);
  let raw: string;
  try {
    raw = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch (error) {
    throw new AgentError("invalid_input", `${path} is not UTF-8 text.`, { cause: error });
  }
  const hasMark = raw.startsWith(byteOrderMark);
  return splitText(hasMark ? raw.slice(1) : raw, hasMark);
}

/** Text as models send it: LF line ends, no byte order mark. */
export function plainText(text: string): string {
  return (text.startsWith(byteOrderMark) ? text.slice(1) : text).replaceAll("\r\n", "\n");
}

/** The bytes of a file. */
export function formatText(file: TextFile): Buffer {
  const body = file.lines.map((line, index) => line + (file.ends[index] ?? "")).join("");
  return Buffer.from(file.hasMark ? byteOrderMark + body : body, "utf8");
}

/** The end that most lines have; LF where there is none. */
function mainEnd(file: TextFile): LineEnd {
  const crlf = file.ends.filter((end) => end === "\r\n").length;
  return crlf * 2 > file.ends.length ? "\r\n" : "\n";
}

function sharedStart(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a[count] === b[count]) count += 1;
  return count;
}

/** The same edit without the lines at its start and end that do not change. */
export function trimEdit(lines: readonly string[], { at, remove, insert }: LineEdit): LineEdit {
  const old = lines.slice(at, at + remove);
  const start = sharedStart(old, insert);
  const rest = [old.slice(start).toReversed(), insert.slice(start).toReversed()] as const;
  const end = sharedStart(rest[0], rest[1]);
  return { at: at + start, remove: remove - start - end, insert: insert.slice(start, insert.length - end) };
}

/** A file after edits in rising order. A changed line keeps its end; a new one gets its neighbour's. */
export function applyEdits(file: TextFile, edits: readonly LineEdit[]): TextFile {
  const lines: string[] = [];
  const ends: (LineEnd | undefined)[] = [];
  let from = 0;
  const keep = (to: number) => {
    lines.push(...file.lines.slice(from, to));
    for (let index = from; index < to; index += 1) ends.push(file.ends[index]);
  };
  for (const edit of edits) {
    const { at, remove, insert } = trimEdit(file.lines, edit);
    keep(at);
    const near = file.ends[at + Math.max(remove, 1) - 1] ?? file.ends[at - 1] ?? mainEnd(file);
    // The end of the last line belongs to what comes after it.
    const own = Array.from({ length: Math.min(remove, insert.length) }, (_unused, index) => file.ends[at + index]);
    if (own.length > 0 && insert.length <= remove) own[own.length - 1] = file.ends[at + remove - 1];
    insert.forEach((line, index) => {
      lines.push(line);
      ends.push(own[index] ?? near);
    });
    from = at + remove;
  }
  keep(file.lines.length);
  if (lines.length === 0) lines.push("");
  const main = mainEnd(file);
  return { lines, ends: lines.slice(0, -1).map((_line, index) => ends[index] ?? main), hasMark: file.hasMark };
}

/** Whether the text ends with a line end; an empty file counts, as its next line will. */
export function hasFinalBreak(file: TextFile): boolean {
  return file.lines.at(-1) === "";
}
