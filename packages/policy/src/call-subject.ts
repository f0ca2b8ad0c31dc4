// What a call acts on, as one string: the key a step- or run-wide approval is kept under.
import { canonicalJson } from "@ossaat/contracts";

import type { ToolCall } from "./check-envelope.ts";
import { patchPaths } from "./patch-paths.ts";
import { normalizePath } from "./paths.ts";

function normal(path: unknown): string {
  if (typeof path !== "string") return "";
  const checked = normalizePath(path);
  return checked.ok ? checked.path : path;
}

/** Nothing for a command that asks for no host, so that its subject is that of the command alone. */
function hostsOf({ hosts }: Record<string, unknown>): unknown[] {
  return Array.isArray(hosts) && hosts.length > 0 ? [hosts.map(String).sort()] : [];
}

/**
 * Subject of a call: the files a write touches, or the whole argv, folder and further hosts of a command. Two
 * calls with the same subject may differ in the text they write, never in where.
 */
export function callSubject(call: ToolCall): string {
  const input = (typeof call.input === "object" && call.input !== null ? call.input : {}) as Record<string, unknown>;
  switch (call.tool) {
    case "edit_file":
    case "write_file":
      return `paths:${canonicalJson([normal(input["path"])])}`;
    case "apply_patch":
      return `paths:${canonicalJson(
        patchPaths(typeof input["patch"] === "string" ? input["patch"] : "")
          .map(normal)
          .sort(),
      )}`;
    case "run_command":
      return `argv:${canonicalJson([normal(input["cwd"] ?? "."), input["argv"] ?? [], ...hostsOf(input)])}`;
    default:
      return `tool:${call.tool}`;
  }
}
