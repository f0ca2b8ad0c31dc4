// Answers a scrape: what was measured, and figures of this moment, in the text format of Prometheus.
import { Gauge, Registry, collectDefaultMetrics } from "prom-client";

import { metricsRegistry } from "./metrics-registry.ts";

/** A figure of this moment, one value for each set of labels. */
export type GaugeReading = {
  name: `ossaat_${string}`;
  help: string;
  values: { labels?: Record<string, string>; value: number }[];
};

export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

let collectsProcess = false;

/** Memory, processor time and delays of the process; a process that nobody scrapes does not watch itself. */
function collectProcess(): void {
  if (!collectsProcess) collectDefaultMetrics({ register: metricsRegistry });
  collectsProcess = true;
}

/** Everything measured so far and the given figures. */
export async function renderMetrics(gauges: readonly GaugeReading[] = []): Promise<string> {
  collectProcess();
  const now = new Registry();
  for (const { name, help, values } of gauges) {
    // What is not known is not 0, which is what a gauge without a value says.
    if (values.length === 0) continue;
    const labelNames = [...new Set(values.flatMap(({ labels = {} }) => Object.keys(labels)))];
    const gauge = new Gauge({ name, help, labelNames, registers: [now] });
    for (const { labels = {}, value } of values) gauge.set(labels, value);
  }
  return Registry.merge([now, metricsRegistry]).metrics();
}
