// Who may touch a working tree: the newest holder of the step's lease. A worker that was frozen while
// another took its step over is refused here, whatever it still believes.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { AgentError, fencedReason } from "@ossaat/contracts";

import type { Layout } from "./layout.ts";
import type { KeyedLock } from "./lock.ts";
import { writeFileAtomic } from "./write-file-atomic.ts";

/** A caller without a number is one of an earlier version: nothing is checked. */
export type Fence = number | undefined;

export type Fences = {
  /**
   * Takes note of a number that is higher than any before, on disk before it resolves; calls of
   * lower ones have ended by then.
   * @throws AgentError conflict for a number that is lower
   */
  admit(workspaceId: string, fence: Fence, signal?: AbortSignal): Promise<void>;
  /** Asked again when a call's turn has come. @throws AgentError conflict */
  check(workspaceId: string, fence: Fence): Promise<void>;
  /** Hears of each higher number; what it gives is waited for. */
  onRaise(listener: (workspaceId: string, fence: number) => Promise<void>): void;
};

/** `details.newest` is the highest number that was seen. */
function fenced(workspaceId: string, newest: number): AgentError {
  return new AgentError("conflict", `Another worker has taken over the working tree ${workspaceId}.`, {
    details: { reason: fencedReason, newest },
  });
}

async function readFence(file: string): Promise<number> {
  try {
    return Number(await readFile(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

export function createFences({ layout, lock }: { layout: Layout; lock: KeyedLock }): Fences {
  const listeners: ((workspaceId: string, fence: number) => Promise<void>)[] = [];
  const fileOf = (workspaceId: string): string => join(layout.metaDir(workspaceId), "fence");

  async function check(workspaceId: string, fence: Fence): Promise<void> {
    if (fence === undefined) return;
    const newest = await readFence(fileOf(workspaceId));
    if (fence < newest) throw fenced(workspaceId, newest);
  }

  return {
    check,
    async admit(workspaceId, fence, signal) {
      if (fence === undefined) return;
      const raise = async (): Promise<boolean> => {
        const newest = await readFence(fileOf(workspaceId));
        if (fence < newest) throw fenced(workspaceId, newest);
        if (fence > newest) await writeFileAtomic(fileOf(workspaceId), String(fence));
        return fence > newest;
      };
      const isRaised = await lock.hold(`fence:${workspaceId}`, raise, signal);
      if (isRaised) await Promise.all(listeners.map((listener) => listener(workspaceId, fence)));
    },
    onRaise: (listener) => void listeners.push(listener),
  };
}
