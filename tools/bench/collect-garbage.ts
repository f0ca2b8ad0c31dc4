// What a process really keeps in memory.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of the heap after everything unreachable has gone. */
export function collectGarbage(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
