// Freezes a process, and returns when it stands still: a thread on another processor goes on for a
// moment after the signal was sent.
import { readFileSync, readdirSync } from "node:fs";

/** Longest wait, ms: threads that wait for a disk stop as soon as it answers. */
const maxWaitMs = 2_000;
const lookMs = 2;

/** State of a thread: the letter behind the name, which may hold brackets itself. */
function stateOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

function standsStill(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => /[TtZX]/u.test(stateOf(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"))));
  } catch (error) {
    // A thread ended between two looks.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ESRCH")
      return false;
    throw error;
  }
}

/** @throws Error when the process is not there, or does not stand still in time */
export function stopInTracks(pid: number): void {
  process.kill(pid, "SIGSTOP");
  const end = performance.now() + maxWaitMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (!standsStill(pid)) {
    if (performance.now() > end) throw new Error(`the process ${pid} does not stand still`);
    Atomics.wait(pause, 0, 0, lookMs);
  }
}
