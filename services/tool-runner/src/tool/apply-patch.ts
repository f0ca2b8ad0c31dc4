// apply_patch: all hunks of all files, or nothing. Every result is computed before the first
// write; the paths are checked once more against the envelope, because the checker and this
// reader must never disagree about what a patch touches.
import { AgentError } from "@ossaat/contracts";
import { checkWritePath, normalizePath } from "@ossaat/policy";

import { restoreTree, takeSnapshot } from "../workspace/working-tree.ts";
import { placeHunks } from "./apply-hunks.ts";
import { editLimits } from "./limits.ts";
import { parsePatch } from "./parse-patch.ts";
import type { FilePatch } from "./parse-patch.ts";
import { revertNote, settleEdit } from "./settle-changes.ts";
import { applyEdits, formatText, parseText } from "./text-file.ts";
import type { TextFile } from "./text-file.ts";
import { toleranceNote } from "./tolerance-note.ts";
import type { Tool, ToolContext } from "./tool.ts";

type Scope = Pick<ToolContext, "files" | "envelope" | "approvedOutside">;

type Change = { path: string; data: Buffer; mode?: number } | { path: string; data: undefined };

function checkPath(context: Scope, path: string): string {
  const check = checkWritePath(context.envelope, path);
  if (!check.inside && !(context.approvedOutside && check.approvable)) {
    throw new AgentError("policy_denied", `Outside what was approved: ${check.what}.`);
  }
  const normal = normalizePath(path);
  if (!normal.ok) throw new AgentError("invalid_input", `${path} is refused: ${normal.why}.`);
  return normal.path;
}

type Patched = { changes: Change[]; notes: string };

/** A file after its hunks, and what to say of hunks that were not exact. */
function patchText(
  context: Scope,
  file: TextFile,
  { hunks }: FilePatch,
  path: string,
): { file: TextFile; notes: string } {
  // A person saw the words of the patch and allowed these: no tolerance may make others of them.
  const mode = context.approvedOutside ? "exact" : "tolerant";
  const placed = placeHunks(file, hunks, { path, mode });
  const notes = placed.tolerances.map(({ header, tolerances }) =>
    toleranceNote(`Hunk "${header}" of ${path}`, tolerances),
  );
  return { file: applyEdits(file, placed.edits), notes: notes.join("") };
}

async function compute(context: Scope, patch: FilePatch): Promise<Patched> {
  const { files } = context;
  const oldPath = patch.oldPath === undefined ? undefined : checkPath(context, patch.oldPath);
  const newPath = patch.newPath === undefined ? undefined : checkPath(context, patch.newPath);
  if (newPath !== undefined && newPath !== oldPath && (await files.kind(newPath)) !== "missing") {
    throw new AgentError("conflict", `${newPath} exists already; the patch would create it. Nothing was changed.`);
  }
  if (oldPath === undefined) {
    const made = patchText(context, parseText(Buffer.from(""), newPath ?? ""), patch, newPath ?? "");
    const mode = patch.mode === undefined ? {} : { mode: patch.mode };
    return {
      changes: newPath === undefined ? [] : [{ path: newPath, data: formatText(made.file), ...mode }],
      notes: "",
    };
  }
  const current = await files.read(oldPath, editLimits.maxFileBytes);
  const patched =
    patch.hunks.length === 0 ? undefined : patchText(context, parseText(current.data, oldPath), patch, oldPath);
  const data = patched === undefined ? current.data : formatText(patched.file);
  const notes = patched?.notes ?? "";
  if (newPath === undefined) {
    if (patched !== undefined && (patched.file.lines.length > 1 || patched.file.lines[0] !== ""))
      throw new AgentError("conflict", `The patch deletes ${oldPath} but leaves lines of it. Nothing was changed.`);
    return { changes: [{ path: oldPath, data: undefined }], notes };
  }
  if (newPath === oldPath && patched !== undefined && data.equals(current.data)) {
    throw new AgentError("conflict", `The patch changes nothing in ${oldPath}: its lines are there already.`);
  }
  const change: Change = { path: newPath, data, mode: patch.mode ?? current.mode & 0o777 };
  return { changes: newPath === oldPath ? [change] : [{ path: oldPath, data: undefined }, change], notes };
}

function refuseDoubles(changes: readonly Change[]): void {
  const paths = changes.map((change) => change.path);
  const double = paths.find((path, index) => paths.indexOf(path) !== index);
  if (double !== undefined) {
    throw new AgentError("invalid_input", `The patch changes ${double} in two places; put its hunks under one header.`);
  }
}

/** What a patch does to which files, without doing it. @throws AgentError conflict, invalid_input, policy_denied */
export async function planPatch(context: Scope, text: string): Promise<Patched> {
  const changes: Change[] = [];
  let notes = "";
  for (const patch of parsePatch(text)) {
    const patched = await compute(context, patch);
    changes.push(...patched.changes);
    notes += patched.notes;
  }
  refuseDoubles(changes);
  return { changes, notes };
}

export const applyPatch: Tool<"apply_patch"> = async (context, input) => {
  const { git, workspace, files, signal } = context;
  const { changes, notes } = await planPatch(context, input.patch);
  const before = await takeSnapshot(git, workspace, signal);
  const paths = changes.map((change) => change.path).sort();
  const settled = await settleEdit(context, paths, async () => {
    try {
      for (const change of changes) {
        if (change.data === undefined) await files.remove(change.path);
        else await files.write(change.path, change.data, change.mode === undefined ? {} : { mode: change.mode });
      }
    } catch (error) {
      await restoreTree(git, workspace, before);
      throw error;
    }
  });
  const text = `Applied the patch to ${paths.join(", ")}.${notes}${revertNote(settled)}`;
  return { summary: `Patched ${paths.length} files`, output: { text, ...settled } };
};
