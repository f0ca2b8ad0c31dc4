// The series of this process. No label is an id, a tenant or text that somebody outside may choose
// freely: series must stay few, and they hold no content.
import { Counter, Gauge, Histogram, Registry } from "prom-client";

import { telemetryLimits } from "./limits.ts";

export const metricsRegistry = new Registry();

/** Upper bounds of what takes a commit or a few, seconds. */
const shortBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Upper bounds of work, seconds: from a quick call to the longest step. */
const longBuckets = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

type Named<L extends string> = { name: `ossaat_${string}`; help: string; labelNames: L[] };

/** Durations of what takes milliseconds. */
export function shortHistogram<L extends string>(named: Named<L>): Histogram<L> {
  return new Histogram({ ...named, buckets: shortBuckets, registers: [metricsRegistry] });
}

/** Durations of what takes seconds to hours. */
export function longHistogram<L extends string>(named: Named<L>): Histogram<L> {
  return new Histogram({ ...named, buckets: longBuckets, registers: [metricsRegistry] });
}

export function counter<L extends string>(named: Named<L>): Counter<L> {
  return new Counter({ ...named, registers: [metricsRegistry] });
}

export function gauge(name: `ossaat_${string}`, help: string): Gauge {
  return new Gauge({ name, help, registers: [metricsRegistry] });
}

/** Keeps a label to the first values it met; the rest share one series. */
export function boundedLabel(maxValues: number = telemetryLimits.maxLabelValues): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.size < maxValues) known.add(value);
    return known.has(value) ? value : "other";
  };
}
