// The last look before a commit: every path of the final diff lies inside what people approved,
// whatever the tool runner let through and whatever a process wrote between two calls.
import { toolInputs } from "@ossaat/contracts";
import type { ApprovalRequest, DiffFile, Envelope } from "@ossaat/contracts";
import { checkWritePath, normalizePath, patchPaths } from "@ossaat/policy";

import type { Reader } from "../store/store.ts";
import { stepLimits } from "./limits.ts";

/** What granted calls add to an envelope. */
export type ApprovedWrites = {
  /** Files that approved edits name. */
  paths: ReadonlySet<string>;
  /** A command outside the envelope was approved: it may write any file that is not protected. */
  anyUnprotected: boolean;
};

function namedPaths({ tool, inputJson }: ApprovalRequest): string[] {
  if (inputJson === undefined) return [];
  const input: unknown = JSON.parse(inputJson);
  if (tool === "edit_file") return [toolInputs.edit_file.parse(input).path];
  if (tool === "write_file") return [toolInputs.write_file.parse(input).path];
  if (tool === "apply_patch") return patchPaths(toolInputs.apply_patch.parse(input).patch);
  return [];
}

/** What people granted beyond the envelope: calls of these steps, and calls for the whole run. */
export async function readApprovedWrites(
  read: Reader,
  planId: string,
  stepIds: readonly string[],
): Promise<ApprovedWrites> {
  const rows = await read
    .selectFrom("approval")
    .select("request_json")
    .where("plan_id", "=", planId)
    .where("status", "=", "granted")
    .where("kind", "=", "call")
    .where((eb) => eb.or([eb("step_id", "in", [...stepIds]), eb("scope", "=", "run")]))
    .execute();
  const requests = rows.map((row) => JSON.parse(row.request_json) as ApprovalRequest);
  const paths = requests.flatMap(namedPaths).flatMap((path) => {
    const normal = normalizePath(path);
    return normal.ok ? [normal.path] : [];
  });
  const anyUnprotected = requests.some(({ tool }) => tool === "run_command" || tool === "run_tests");
  return { paths: new Set(paths), anyUnprotected };
}

/** Every path a diff touches, the old name of a moved file included. */
export function diffPaths(files: readonly DiffFile[]): string[] {
  return [...new Set(files.flatMap(({ path, oldPath }) => (oldPath === undefined ? [path] : [oldPath, path])))].sort();
}

/** Paths of a diff that nobody approved. */
export function findStrayPaths(
  files: readonly DiffFile[],
  { envelope, approved }: { envelope: Envelope; approved: ApprovedWrites },
): string[] {
  return diffPaths(files).filter((path) => {
    if (approved.paths.has(path)) return false;
    const check = checkWritePath(envelope, path);
    if (check.inside) return false;
    return !(approved.anyUnprotected && check.reason === "outside_envelope" && check.approvable);
  });
}

/** What the model is told about paths it must undo. */
export function strayText(paths: readonly string[]): string {
  const shown = paths.slice(0, stepLimits.maxNamedPaths).map((path) => JSON.stringify(path));
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : "";
  return `These files changed although the approved paths do not cover them: ${shown.join(", ")}${more}. Undo these changes, so that the files are as they were when the step began, and then finish.`;
}
