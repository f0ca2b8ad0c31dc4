// Kills this process at a named place. Only an entry of tests makes one and puts it between the
// parts of a server; product code knows nothing of it.
import { appendFileSync } from "node:fs";

import type { FailpointName } from "./names.ts";

export type FailpointTarget = { name: string; hit: number };

export type Failpoints = { reach(name: FailpointName): void };

export type FailpointOptions = {
  /** Where this process dies; absent = nowhere. */
  target?: FailpointTarget | undefined;
  /** Gets a line with the name of every place when it is first reached. */
  reachedFile: string;
  /** Ends this process at once; it does not return. */
  die: () => void;
};

export function createFailpoints({ target, reachedFile, die }: FailpointOptions): Failpoints {
  const counts = new Map<string, number>();
  return {
    reach(name) {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      // NOTE: written at once, because the very next thing may be the end.
      if (count <= 2) appendFileSync(reachedFile, `${name} ${count}\n`);
      if (target?.name === name && target.hit === count) die();
    },
  };
}

/** SIGKILL, then nothing: not even a microtask runs between the signal and the end. */
export function dieNow(): void {
  process.kill(process.pid, "SIGKILL");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
