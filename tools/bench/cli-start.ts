// What starting the CLI costs, in CPU time, against starting Node with an empty program.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { compare } from "./measure.ts";
import type { Figure } from "./measure.ts";

const entry = fileURLToPath(new URL("../../apps/cli/bin/ossaat", import.meta.url));

/** User and system time of one child in ms. */
function cpuMs(words: readonly string[]): number {
  // The shell's own `times` gives the CPU time of its children, which Node does not.
  const line = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const { stdout } = spawnSync("sh", ["-c", `${line} >/dev/null; times`], { encoding: "utf8" });
  const children = stdout.trim().split("\n")[1] ?? "";
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  );
  if (seconds.length !== 2) throw new Error(`the shell did not report times: ${stdout}`);
  return seconds.reduce((sum, value) => sum + value, 0) * 1000;
}

export function benchCliStart(): Promise<Figure> {
  return compare({
    name: "cli.version",
    unit: "ms of CPU",
    baselineName: "node with an empty program",
    goal: { better: "lower", ratio: 1.25 },
    rounds: 9,
    measureOurs: () => cpuMs([entry, "--version"]),
    measureBaseline: () => cpuMs([process.execPath, "-e", "0"]),
  });
}
