// What a call reaches: the paths, the argv and the hosts it names, and the hosts its envelope opens for it.
import { toolInputs } from "@ossaat/contracts";
import type { Envelope } from "@ossaat/contracts";

import type { ToolCall } from "./check-envelope.ts";
import { readEgressRules } from "./egress.ts";
import { patchPaths } from "./patch-paths.ts";
import { normalizePath } from "./paths.ts";
import type { Reach } from "./touch-rules.ts";

const normal = (path: string): string => {
  const checked = normalizePath(path);
  return checked.ok ? checked.path : path;
};

const onPaths = (...paths: string[]): Reach => ({ paths: paths.map(normal), commands: [], hosts: [] });

/** Hosts that an allow-list opens at all, whatever its ports, methods and paths; one that cannot be read opens none. */
function hostsOf(entries: readonly string[]): string[] {
  return [...new Set(readEgressRules(entries).map(({ host, isWildcard }) => (isWildcard ? `*.${host}` : host)))];
}

/** A call that does not fit its tool reaches nothing: the envelope check refuses it for good. */
export function callReach({ tool, input }: ToolCall, envelope: Pick<Envelope, "egressHosts">): Reach {
  const hosts = hostsOf(envelope.egressHosts);
  switch (tool) {
    case "edit_file":
    case "write_file":
    case "read_file":
    case "list_files":
    case "git_diff":
    case "git_log": {
      const path = (input as { path?: unknown } | null)?.path;
      return typeof path === "string" ? onPaths(path) : onPaths();
    }
    case "apply_patch": {
      const parsed = toolInputs.apply_patch.safeParse(input);
      return parsed.success ? onPaths(...patchPaths(parsed.data.patch)) : onPaths();
    }
    case "run_command": {
      const parsed = toolInputs.run_command.safeParse(input);
      if (!parsed.success) return { paths: [], commands: [], hosts };
      const asked = hostsOf(parsed.data.hosts ?? []);
      return { paths: [], commands: [parsed.data.argv], hosts: [...new Set([...hosts, ...asked])] };
    }
    case "run_tests":
      return { paths: [], commands: [], hosts };
    default:
      return onPaths();
  }
}
