// The only reader of the process environment.
import { homedir } from "node:os";

import type { HostEnvironment } from "./sandbox/toolchains.ts";

/** What the runner may know of its machine: where programs are, never a value that could be a secret. */
export function readHostEnvironment(env: NodeJS.ProcessEnv = process.env): HostEnvironment {
  return { path: env["PATH"] ?? "/usr/bin:/bin", home: env["HOME"] ?? homedir(), execPath: process.execPath };
}
