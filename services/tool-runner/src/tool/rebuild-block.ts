// Writes an edit onto the lines it was found at under a tolerance. What the edit does not change
// stays as the file has it, byte for byte; what it adds is taken over only when there is no doubt.
import { AgentError } from "@ossaat/contracts";

import type { LineOp } from "./align-lines.ts";
import { numbered } from "./describe-matches.ts";
import { differingClasses, fancyClasses, foldLookAlikes, nameCharacter, usedClasses } from "./look-alikes.ts";
import { indentOf, isBlank, mapIndentation } from "./map-indentation.ts";

export type BlockEdit = {
  /** The file's lines at the place. */
  block: readonly string[];
  /** The edit's two sides and the steps between them. */
  old: readonly string[];
  added: readonly string[];
  ops: readonly LineOp[];
  /** One level of indentation in the file. */
  unit: string | undefined;
  /** Where the block is, for the words of a refusal; `at` counts from 0. */
  path: string;
  at: number;
};

type Parts = { indent: string; body: string; trail: string };

function partsOf(line: string): Parts {
  if (isBlank(line)) return { indent: "", body: "", trail: line };
  const indent = indentOf(line);
  const rest = line.slice(indent.length);
  const body = rest.trimEnd();
  return { indent, body, trail: rest.slice(body.length) };
}

function doubt({ path, at, block }: BlockEdit, why: string): AgentError {
  return new AgentError(
    "conflict",
    `The edit's place in ${path} is line ${at + 1}, but it does not match exactly, and ${why}. Nothing was changed. ` +
      `Copy the lines as they are:\n${numbered(block.slice(0, maxShownLines), at + 1)}`,
  );
}

const maxShownLines = 20;

const overlaps = (a: Set<string>, b: Set<string>): boolean => [...a].some((each) => b.has(each));

/** How many characters two texts share from the start or the end, at most `limit`. */
function shared(a: string, b: string, limit: number, side: "start" | "end"): number {
  const at = (text: string, count: number) => text[side === "start" ? count : text.length - 1 - count];
  let count = 0;
  while (count < limit && at(a, count) === at(b, count)) count += 1;
  return count;
}

/** Whether a line became another by a change within it, and is not another line in its place. */
function isRewording(old: string, added: string): boolean {
  const short = Math.min(old.length, added.length);
  const start = shared(old, added, short, "start");
  return 2 * (start + shared(old, added, short - start, "end")) >= short && short > 0;
}

/** A changed line's text: the parts that stay are the file's, with its own characters. */
function rewriteBody(edit: BlockEdit, ours: string, old: string, added: string): string {
  if (ours === old) return added;
  const short = Math.min(old.length, added.length);
  // "aa" to "a": which one stays cannot be told, so both readings must write the same.
  const [one, other] = (["start", "end"] as const).map((first) => {
    const most = shared(old, added, short, first);
    const rest = shared(old, added, short - most, first === "start" ? "end" : "start");
    const [start, end] = first === "start" ? [most, rest] : [rest, most];
    const dropped = { ours: ours.slice(start, ours.length - end), old: old.slice(start, old.length - end) };
    const inserted = added.slice(start, added.length - end);
    const { inA, inB } = differingClasses(dropped.ours, dropped.old);
    if (overlaps(inA, usedClasses(inserted)) || overlaps(inB, fancyClasses(inserted))) {
      throw doubt(edit, lookAlikeDoubt(dropped.ours, dropped.old));
    }
    return ours.slice(0, start) + inserted + ours.slice(ours.length - end);
  });
  if (one === undefined || one !== other) throw doubt(edit, lookAlikeDoubt(ours, old));
  return one;
}

function lookAlikeDoubt(ours: string, old: string): string {
  const at = Array.from(ours).findIndex((character, index) => character !== old[index]);
  const [there, asked] = [ours[at] ?? "", old[at] ?? ""];
  return `the file has ${nameCharacter(there)} where the edit has ${nameCharacter(asked)}, and it is not clear which one the new text should have`;
}

function checkAdded(edit: BlockEdit, added: string, dropped: readonly number[]): void {
  const fromFile = new Set<string>();
  const fromEdit = new Set<string>();
  edit.block.forEach((ours, index) => {
    const [a, b] = [partsOf(ours).body, partsOf(edit.old[index] ?? "").body];
    if (a.length !== b.length) return;
    const { inA, inB } = differingClasses(a, b);
    if (dropped.includes(index)) for (const each of inA) fromFile.add(each);
    for (const each of inB) fromEdit.add(each);
  });
  if (overlaps(fromFile, usedClasses(added)) || overlaps(fromEdit, fancyClasses(added))) {
    const index = edit.block.findIndex((ours, line) => partsOf(ours).body !== partsOf(edit.old[line] ?? "").body);
    throw doubt(edit, lookAlikeDoubt(partsOf(edit.block[index] ?? "").body, partsOf(edit.old[index] ?? "").body));
  }
}

/** Old lines that go and new ones that come at one point. */
type Gap = { dropped: number[]; added: number[] };

function writeGap(edit: BlockEdit, { dropped, added }: Gap, indents: Map<string, string>): string[] {
  const isPaired = dropped.length === added.length;
  const invented = edit.block.some((ours, index) => {
    const trail = partsOf(edit.old[index] ?? "").trail;
    return trail !== "" && trail !== partsOf(ours).trail;
  });
  return added.map((index, position) => {
    const parts = partsOf(edit.added[index] ?? "");
    const indent = indents.get(parts.indent);
    if (indent === undefined) {
      throw doubt(
        edit,
        `the lines there are indented in another way, and how far ${JSON.stringify(parts.body)} should be is not clear`,
      );
    }
    const pair = dropped[position];
    if (!isPaired || pair === undefined) {
      checkAdded(edit, parts.body, dropped);
      if (invented && parts.trail !== "") throw doubt(edit, "the edit has trailing space that the file does not have");
      return (parts.body === "" ? "" : indent) + parts.body + parts.trail;
    }
    const [ours, old] = [partsOf(edit.block[pair] ?? ""), partsOf(edit.old[pair] ?? "")];
    const body =
      foldLookAlikes(ours.body) === foldLookAlikes(old.body)
        ? rewriteBody(edit, ours.body, old.body, parts.body)
        : parts.body;
    if (body === "") return parts.trail;
    // Space after a line is invisible to a model: what it did not see it did not mean to take away.
    const keepsTrail = parts.trail === old.trail && isRewording(old.body, parts.body);
    return indent + body + (keepsTrail ? ours.trail : parts.trail);
  });
}

function indentsOf(edit: BlockEdit): Map<string, string> | undefined {
  const pairs = edit.old.flatMap((line, index) =>
    isBlank(line) ? [] : [{ theirs: indentOf(line), ours: indentOf(edit.block[index] ?? "") }],
  );
  const wanted = edit.ops.flatMap((op) => {
    const line = op.kind === "add" ? (edit.added[op.new] ?? "") : "";
    return isBlank(line) ? [] : [indentOf(line)];
  });
  const mapped = mapIndentation(pairs, wanted, edit.unit);
  return mapped === undefined ? undefined : new Map([...mapped, ["", mapped.get("") ?? ""]]);
}

/** The new lines of the place. @throws AgentError conflict when they cannot be told for certain */
export function rebuildBlock(edit: BlockEdit): string[] {
  const indents = indentsOf(edit);
  if (indents === undefined) {
    throw doubt(edit, "the lines there are indented in another way, which does not say how to indent the new ones");
  }
  const lines: string[] = [];
  let gap: Gap = { dropped: [], added: [] };
  for (const op of edit.ops) {
    if (op.kind === "drop") gap.dropped.push(op.old);
    else if (op.kind === "add") gap.added.push(op.new);
    else {
      lines.push(...writeGap(edit, gap, indents), edit.block[op.old] ?? "");
      gap = { dropped: [], added: [] };
    }
  }
  return [...lines, ...writeGap(edit, gap, indents)];
}
