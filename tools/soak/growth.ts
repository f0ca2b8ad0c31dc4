// Whether a series of memory figures grows: the median of the slopes between all pairs of samples
// (Theil and Sen), which single peaks do not move, and the range it lies in by chance.

export type Sample = { minute: number; megabytes: number };

export type Growth = {
  /** MB an hour, and the range that holds it with 95% certainty. */
  slope: number;
  low: number;
  high: number;
};

export const soakLimits = {
  /** Share of the samples left out at the beginning, in which caches fill. */
  warmUpShare: 0.3,
  /** Samples below which nothing can be told. */
  minSamples: 12,
  /** MB an hour that a server may grow: 10 MB in half an hour is within what the collector leaves. */
  maxHeapSlope: 20,
} as const;

/** @throws Error for too few samples */
export function measureGrowth(all: readonly Sample[]): Growth {
  const samples = all.slice(Math.floor(all.length * soakLimits.warmUpShare));
  const n = samples.length;
  if (n < soakLimits.minSamples) throw new Error(`${n} samples after the warm-up are too few`);
  const slopes: number[] = [];
  samples.forEach((first, index) => {
    for (const second of samples.slice(index + 1)) {
      slopes.push(((second.megabytes - first.megabytes) / (second.minute - first.minute)) * 60);
    }
  });
  slopes.sort((a, b) => a - b);
  // Sen's range: the pairs' ranks by the variance of Kendall's count.
  const half = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const rank = (position: number) => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(position)))] ?? 0;
  return {
    slope: rank((slopes.length - 1) / 2),
    low: rank((slopes.length - half) / 2),
    high: rank((slopes.length + half) / 2),
  };
}

/** A series grows when even the low end of its slope is above what is allowed. */
export function grows({ low }: Growth, limit: number = soakLimits.maxHeapSlope): boolean {
  return low > limit;
}
