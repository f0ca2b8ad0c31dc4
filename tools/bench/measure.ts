// How a figure is measured: ours and a baseline in turns, in the same run; the median of both and
// their ratio.
export type Figure = {
  name: string;
  unit: string;
  /** Median of our figure and of the baseline. */
  ours: number;
  baseline: number;
  baselineName: string;
  /** `ours / baseline`. */
  ratio: number;
  /** Whether a lower or a higher ratio is better, and what is aimed at. */
  goal: { better: "lower" | "higher"; ratio: number };
};

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("nothing was measured");
  return middle;
}

export type Comparison = Omit<Figure, "ours" | "baseline" | "ratio"> & {
  rounds: number;
  measureOurs(): Promise<number> | number;
  measureBaseline(): Promise<number> | number;
};

/** Measures in turns, after one round of each that does not count. */
export async function compare(comparison: Comparison): Promise<Figure> {
  const { name, unit, baselineName, goal, rounds } = comparison;
  await comparison.measureBaseline();
  await comparison.measureOurs();
  const ours: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    baseline.push(await comparison.measureBaseline());
    ours.push(await comparison.measureOurs());
  }
  const [a, b] = [median(ours), median(baseline)];
  return { name, unit, baselineName, goal, ours: a, baseline: b, ratio: a / b };
}
