// CPU time of child processes, which other work on the machine disturbs far less than wall time.
import { spawnSync } from "node:child_process";

export type CommandOptions = { cwd?: string; env?: Record<string, string> };

/** Mean user and system time in ms of one of `runs` runs of a command, its own children included. */
export function cpuMs(words: readonly string[], runs: number, options: CommandOptions = {}): number {
  // bash reads the times of its children with a resolution of 1 ms; Node does not tell them at all.
  const script = 'TIMEFORMAT="%3U %3S"; time for ((n = 0; n < RUNS; n++)); do "$@" >&3 2>&3 || exit 99; done';
  const { status, stderr } = spawnSync("bash", ["-c", `exec 3>/dev/null; ${script}`, "bash", ...words], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
    cwd: options.cwd,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...options.env, RUNS: String(runs) },
  });
  const times = /([\d.]+) ([\d.]+)\s*$/u.exec(stderr ?? "");
  if (status !== 0 || times === null) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr}`);
  return ((Number(times[1]) + Number(times[2])) * 1000) / runs;
}
