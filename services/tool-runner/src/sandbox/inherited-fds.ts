// Descriptors this process inherited without close-on-exec would pass straight into a box.
import { readFile, readdir } from "node:fs/promises";

const closeOnExec = 0o2000000;

/** Descriptors above `above` that a child would inherit. Linux only; elsewhere none are known. */
export async function leakingFds(above: number): Promise<number[]> {
  const names = await readdir("/proc/self/fd").catch(() => []);
  const leaking: number[] = [];
  for (const name of names) {
    const info = await readFile(`/proc/self/fdinfo/${name}`, "utf8").catch(() => "");
    const flags = /^flags:\s*([0-7]+)/mu.exec(info)?.[1];
    if (flags === undefined || Number(name) <= above) continue;
    if ((Number.parseInt(flags, 8) & closeOnExec) === 0) leaking.push(Number(name));
  }
  return leaking.sort((a, b) => a - b);
}
