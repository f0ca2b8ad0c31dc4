// How a figure is measured: ours and a baseline in turns, in the same run, so that a busy machine
// slows both; and how figures become a row of the table.

/** What a row is held against: the ratio to its baseline, or the value itself. */
export type Goal = { of: "ratio" | "value"; relation: "≤" | "≥"; limit: number };

/** One row of the table. Null: the row has no baseline, or is stated without a goal. */
export type Result = {
  id: string;
  value: number;
  unit: string;
  baseline: number | null;
  /** What the baseline is, in words. */
  baselineName: string | null;
  ratio: number | null;
  goal: Goal | null;
  holds: boolean | null;
  /** Half of the middle half of our figures, as a share of `value`: how noisy they are. */
  noise: number;
};

export type Series = { ours: number[]; baseline: number[] };

/** A function that takes one figure. */
export type Measure = () => Promise<number> | number;

/** The value below which the share `q` of the values lies. @throws Error for no values or no number */
export function quantile(values: readonly number[], q: number): number {
  if (values.some((value) => !Number.isFinite(value))) throw new Error(`not a figure among ${values.join(", ")}`);
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Measures in turns, after one round of each that does not count. */
export async function interleave(rounds: number, ours: Measure, baseline: Measure): Promise<Series> {
  const series: Series = { ours: [], baseline: [] };
  await baseline();
  await ours();
  for (let round = 0; round < rounds; round += 1) {
    series.baseline.push(await baseline());
    series.ours.push(await ours());
  }
  return series;
}

export type RowSpec = {
  id: string;
  unit: string;
  goal: Goal | null;
  baselineName: string | null;
  /** How one value is made of many: the median by default. */
  pick?: (values: readonly number[]) => number;
};

function holdsGoal(goal: Goal | null, value: number, ratio: number | null): boolean | null {
  if (goal === null) return null;
  const figure = goal.of === "ratio" ? ratio : value;
  if (figure === null) throw new Error("a goal on a ratio needs a baseline");
  return goal.relation === "≤" ? figure <= goal.limit : figure >= goal.limit;
}

/** Makes the row of a series. @throws Error when something was not measured */
export function toResult(spec: RowSpec, { ours, baseline }: Series): Result {
  const { id, unit, goal, baselineName, pick = median } = spec;
  const value = pick(ours);
  const base = baselineName === null ? null : pick(baseline);
  const ratio = base === null ? null : value / base;
  const noise = value === 0 ? 0 : (quantile(ours, 0.75) - quantile(ours, 0.25)) / 2 / value;
  return { id, value, unit, baseline: base, baselineName, ratio, goal, holds: holdsGoal(goal, value, ratio), noise };
}

/** The smallest: for CPU times, which other work on the machine can only make larger. */
export function smallest(values: readonly number[]): number {
  return quantile(values, 0);
}
