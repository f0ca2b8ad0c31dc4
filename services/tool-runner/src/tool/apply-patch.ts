// apply_patch: all hunks of all files, or nothing. Every result is computed before the first
// write; the paths are checked once more against the envelope, because the checker and this
// reader must never disagree about what a patch touches.
import { AgentError } from "@ossaat/contracts";
import { checkWritePath, normalizePath } from "@ossaat/policy";

import { restoreTree, takeSnapshot } from "../workspace/working-tree.ts";
import { applyHunks } from "./apply-hunks.ts";
import { editLimits } from "./limits.ts";
import { parsePatch } from "./parse-patch.ts";
import type { FilePatch } from "./parse-patch.ts";
import { revertNote, settleEdit } from "./settle-changes.ts";
import { formatText, parseText } from "./text-file.ts";
import type { Tool, ToolContext } from "./tool.ts";

type Change = { path: string; data: Buffer; mode?: number } | { path: string; data: undefined };

function checkPath(context: ToolContext, path: string): string {
  const check = checkWritePath(context.envelope, path);
  if (!check.inside && !(context.approvedOutside && check.approvable)) {
    throw new AgentError("policy_denied", `Outside what was approved: ${check.what}.`);
  }
  const normal = normalizePath(path);
  if (!normal.ok) throw new AgentError("invalid_input", `${path} is refused: ${normal.why}.`);
  return normal.path;
}

async function compute(context: ToolContext, patch: FilePatch): Promise<Change[]> {
  const { files } = context;
  const oldPath = patch.oldPath === undefined ? undefined : checkPath(context, patch.oldPath);
  const newPath = patch.newPath === undefined ? undefined : checkPath(context, patch.newPath);
  if (newPath !== undefined && newPath !== oldPath && (await files.kind(newPath)) !== "missing") {
    throw new AgentError("conflict", `${newPath} exists already; the patch would create it. Nothing was changed.`);
  }
  if (oldPath === undefined) {
    const text = applyHunks("", patch.hunks, newPath ?? "");
    const mode = patch.mode === undefined ? {} : { mode: patch.mode };
    return newPath === undefined ? [] : [{ path: newPath, data: Buffer.from(text, "utf8"), ...mode }];
  }
  const current = await files.read(oldPath, editLimits.maxFileBytes);
  const unchanged = patch.hunks.length === 0;
  const file = unchanged ? undefined : parseText(current.data, oldPath);
  const text = file === undefined ? "" : applyHunks(file.text, patch.hunks, oldPath);
  if (newPath === undefined) {
    if (text !== "")
      throw new AgentError("conflict", `The patch deletes ${oldPath} but leaves lines of it. Nothing was changed.`);
    return [{ path: oldPath, data: undefined }];
  }
  if (newPath === oldPath && file !== undefined && text === file.text) {
    throw new AgentError("conflict", `The patch changes nothing in ${oldPath}: its lines are there already.`);
  }
  const data = file === undefined ? current.data : formatText(file, text);
  const change: Change = { path: newPath, data, mode: patch.mode ?? current.mode & 0o777 };
  return newPath === oldPath ? [change] : [{ path: oldPath, data: undefined }, change];
}

function refuseDoubles(changes: readonly Change[]): void {
  const paths = changes.map((change) => change.path);
  const double = paths.find((path, index) => paths.indexOf(path) !== index);
  if (double !== undefined) {
    throw new AgentError("invalid_input", `The patch changes ${double} in two places; put its hunks under one header.`);
  }
}

export const applyPatch: Tool<"apply_patch"> = async (context, input) => {
  const { git, workspace, files, signal } = context;
  const changes: Change[] = [];
  for (const patch of parsePatch(input.patch)) changes.push(...(await compute(context, patch)));
  refuseDoubles(changes);
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
  const text = `Applied the patch to ${paths.join(", ")}.${revertNote(settled)}`;
  return { summary: `Patched ${paths.length} files`, output: { text, ...settled } };
};
