// Measures, prints a table and writes bench/latest.json. It fails only when nothing could be
// measured: a figure is to be looked at, not asserted.
import { mkdirSync, writeFileSync } from "node:fs";

import { benchCliStart } from "./cli-start.ts";
import { benchEngine } from "./engine.ts";
import type { Figure } from "./measure.ts";
import { benchSandbox } from "./sandbox.ts";

const figures: Figure[] = [];
for (const bench of [benchCliStart, benchEngine, benchSandbox]) {
  const figure = await bench();
  if (figure === undefined) {
    console.log(`${bench.name}: left out, there is no sandbox on this machine`);
    continue;
  }
  figures.push(figure);
  const { name, ours, baseline, unit, ratio, goal, baselineName } = figure;
  const reached = goal.better === "lower" ? ratio <= goal.ratio : ratio >= goal.ratio;
  const aim = `${reached ? "goal reached" : "goal missed"} (${goal.better === "lower" ? "≤" : "≥"} ${goal.ratio})`;
  console.log(
    `${name.padEnd(14)} ratio ${ratio.toFixed(2)}, ${aim}: ${ours.toFixed(1)} ${unit} against ${baseline.toFixed(1)} (${baselineName})`,
  );
}
mkdirSync("bench", { recursive: true });
writeFileSync(
  "bench/latest.json",
  `${JSON.stringify({ schemaVersion: 1, node: process.version, figures }, null, 2)}\n`,
);
process.exit(figures.length > 0 ? 0 : 1);
