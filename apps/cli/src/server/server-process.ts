// Whether the process that a server file names is still that server: a pid alone may be another's by now.
import { existsSync, readFileSync } from "node:fs";

import type { ServerFile } from "./server-file.ts";

/** State letter and start time of a process; undefined when it is gone, or where there is no /proc. */
function readProcess(pid: number): { state: string; start: string } | undefined {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return undefined;
  try {
    const text = readFileSync(file, "utf8");
    // The name in brackets may hold anything, so that what follows it is counted from its end.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === undefined || start === undefined ? undefined : { state, start };
  } catch {
    // It ended in this moment.
    return undefined;
  }
}

/** Start time of a process in the kernel's ticks since boot: with the pid it names one process alone. */
export function processStart(pid: number): string | undefined {
  return readProcess(pid)?.start;
}

/** True only for the very process that wrote the file, while it lives. */
export function isServerProcess({ pid, processStart: start }: ServerFile): boolean {
  const found = start === undefined ? undefined : readProcess(pid);
  return found !== undefined && found.start === start && !["Z", "X"].includes(found.state);
}
