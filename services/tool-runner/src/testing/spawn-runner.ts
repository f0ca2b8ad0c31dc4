// A tool runner in a process of its own, by the product's entry.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("../main.ts", import.meta.url));

/** `home` is where it keeps what no setting puts elsewhere. */
export function spawnRunner(home: string, env: Readonly<Record<string, string>>) {
  return spawn(process.execPath, [entry], {
    env: { PATH: "/usr/bin:/bin", HOME: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
