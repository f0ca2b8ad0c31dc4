// A working tree whose commands run as another user of the machine is given to that user.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { AgentError } from "@ossaat/contracts";

import { boxUid } from "./box-arguments.ts";

/**
 * Gives to the box's user whatever in a working tree is not theirs yet. Links are not followed, and
 * no box is alive on the tree. What is theirs keeps its change time, by which git knows it unread.
 */
export async function handOver(workspaceDir: string): Promise<void> {
  const failed = (cause: unknown) =>
    new AgentError("unavailable", "The working tree cannot be given to the sandbox's user.", { cause });
  const words = `( ! -uid ${boxUid} -o ! -gid ${boxUid} ) -exec /usr/bin/chown -h ${boxUid}:${boxUid} -- {} +`.split(
    " ",
  );
  await promisify(execFile)("/usr/bin/find", ["-P", workspaceDir, ...words], { env: {} }).catch((cause: unknown) =>
    Promise.reject(failed(cause)),
  );
}
