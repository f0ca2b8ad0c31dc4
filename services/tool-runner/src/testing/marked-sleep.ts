// Host processes that a test can tell from all others, by a number in their command line.
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Host processes whose command line holds `mark`. */
async function processesWith(mark: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return line.includes(mark) ? Number(pid) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

/** Waits until nothing with the mark runs; a kill is not instant. */
export async function survivors(mark: string): Promise<number[]> {
  for (let attempt = 0; attempt < 80; attempt += 1) {
    if ((await processesWith(mark)).length === 0) return [];
    await sleep(25);
  }
  return processesWith(mark);
}

/** Ends what is left with the mark, where nothing else does. */
export async function killMarked(mark: string): Promise<void> {
  for (const pid of await processesWith(mark)) process.kill(pid, "SIGKILL");
}

/** A sleep length no other process has: its decimals are the mark. */
export function markedSleep(): { seconds: string; mark: string } {
  const mark = `${3_000 + Math.floor(Math.random() * 900)}.${String(process.pid)}${Math.floor(Math.random() * 1e6)}`;
  return { seconds: mark, mark };
}
