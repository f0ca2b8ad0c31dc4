// Is a tool call inside what was approved? Pure; the tool runner asks again before it runs.
import { toolInputs } from "@ossaat/contracts";
import type { Envelope, ToolName } from "@ossaat/contracts";

import { isCommandCovered } from "./commands.ts";
import { isEntryCovered } from "./egress.ts";
import { compileGlob } from "./glob.ts";
import { patchPaths } from "./patch-paths.ts";
import { isProtectedPath, normalizePath } from "./paths.ts";

/** A call as the model made it: `input` is the parsed argument object. */
export type ToolCall = { tool: string; input: unknown };

/**
 * Outcome of a check. `what` is for people. `approvable` is false for calls no person can
 * allow either (a path that leaves the workspace, a malformed call).
 */
export type EnvelopeCheck =
  | { inside: true }
  | { inside: false; reason: "outside_envelope" | "protected_path"; what: string; approvable: boolean };

function outside(what: string, approvable = true): EnvelopeCheck {
  return { inside: false, reason: "outside_envelope", what, approvable };
}

function matchesGlob(globs: readonly string[], path: string): boolean {
  // A pattern over the limits covers nothing but itself.
  return globs.some((glob) => glob === path || compileGlob(glob)?.(path) === true);
}

/** May the step write this path? Protected paths only when the envelope names them literally. */
export function checkWritePath(envelope: Pick<Envelope, "paths">, path: string): EnvelopeCheck {
  const normal = normalizePath(path);
  if (!normal.ok) return outside(`write to ${path}: ${normal.why}`, false);
  if (normal.path === ".") return outside("write to the repository root itself", false);
  if (envelope.paths.includes(normal.path)) return { inside: true };
  if (isProtectedPath(normal.path)) {
    return { inside: false, reason: "protected_path", what: `write to ${normal.path}`, approvable: true };
  }
  return matchesGlob(envelope.paths, normal.path) ? { inside: true } : outside(`write to ${normal.path}`);
}

function firstOutside(checks: readonly EnvelopeCheck[]): EnvelopeCheck {
  const bad = checks.filter((check) => !check.inside);
  return bad.find((check) => !check.approvable) ?? bad[0] ?? { inside: true };
}

function malformed(call: ToolCall): EnvelopeCheck {
  return outside(`${call.tool} with malformed arguments`, false);
}

function checkEdit(envelope: Envelope, call: ToolCall): EnvelopeCheck {
  const input = toolInputs.edit_file.safeParse(call.input);
  return input.success ? checkWritePath(envelope, input.data.path) : malformed(call);
}

function checkWriteFile(envelope: Envelope, call: ToolCall): EnvelopeCheck {
  const input = toolInputs.write_file.safeParse(call.input);
  return input.success ? checkWritePath(envelope, input.data.path) : malformed(call);
}

function checkPatch(envelope: Envelope, call: ToolCall): EnvelopeCheck {
  const input = toolInputs.apply_patch.safeParse(call.input);
  if (!input.success) return malformed(call);
  const paths = patchPaths(input.data.patch);
  if (paths.length === 0) return outside("apply_patch with a patch that names no file", false);
  return firstOutside(paths.map((path) => checkWritePath(envelope, path)));
}

function checkCommand(envelope: Envelope, call: ToolCall): EnvelopeCheck {
  const input = toolInputs.run_command.safeParse(call.input);
  if (!input.success) return malformed(call);
  const { argv } = input.data;
  const cwd = normalizePath(input.data.cwd);
  if (!cwd.ok) return outside(`run a command in ${input.data.cwd}: ${cwd.why}`, false);
  if (argv.some((word) => word.includes("\0"))) return outside("run a command with a NUL byte", false);
  const beyond = (input.data.hosts ?? []).filter((entry) => !isEntryCovered(entry, envelope.egressHosts));
  const reach = beyond.length === 0 ? "" : ` and reach ${beyond.join(", ")}`;
  if (isCommandCovered(envelope.commands, argv) && reach === "") return { inside: true };
  return outside(`run ${argv.map((word) => (/[\s"']/u.test(word) ? JSON.stringify(word) : word)).join(" ")}${reach}`);
}

function checkRead(_envelope: Envelope, call: ToolCall): EnvelopeCheck {
  const path: unknown = (call.input as { path?: unknown } | null)?.path;
  if (path === undefined) return { inside: true };
  if (typeof path !== "string") return malformed(call);
  const normal = normalizePath(path);
  return normal.ok ? { inside: true } : outside(`read ${path}: ${normal.why}`, false);
}

const always = (): EnvelopeCheck => ({ inside: true });

const argumentChecks: Readonly<Record<ToolName, (envelope: Envelope, call: ToolCall) => EnvelopeCheck>> = {
  edit_file: checkEdit,
  write_file: checkWriteFile,
  apply_patch: checkPatch,
  run_command: checkCommand,
  run_tests: always,
  git_status: always,
  list_files: checkRead,
  read_file: checkRead,
  search_text: checkRead,
  git_diff: checkRead,
  git_log: checkRead,
};

/** Whether a tool call lies inside the envelope a person approved. Unknown tools never do. */
export function checkEnvelope(envelope: Envelope, call: ToolCall): EnvelopeCheck {
  if (!Object.hasOwn(toolInputs, call.tool)) return outside(`use the unknown tool ${call.tool}`, false);
  const name = call.tool as ToolName;
  const checked = argumentChecks[name](envelope, call);
  if (!checked.inside && !checked.approvable) return checked;
  if (envelope.tools.includes(name)) return checked;
  return outside(checked.inside ? `use the tool ${name}` : checked.what);
}
