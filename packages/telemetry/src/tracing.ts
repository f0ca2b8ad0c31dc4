// Turns tracing on for this process, when and only when somewhere to send spans is configured.
import { context, propagation, trace } from "@opentelemetry/api";

import type { TracingSettings } from "./tracing-settings.ts";

export type TracingOptions = {
  serviceName: string;
  version: string;
  /** A collector, and how much of the traces it gets; absent = none. */
  settings?: TracingSettings | undefined;
  /** File that gets one JSON object a line for each span; appended to, readable by its owner only. */
  traceFile?: string | undefined;
  /** Values that must never be exported, whatever their shape. */
  secrets?: readonly string[];
  /** Longest time the last export may take, ms; 3 s by default. */
  shutdownMs?: number;
  /** Told of what cannot be followed, and once when spans cannot be exported; the product goes on without them. */
  onProblem?: (error: Error) => void;
};

export type Tracing = {
  /** Exports what is left, for a bounded time, and turns tracing off. Never rejects. */
  shutdown(): Promise<void>;
};

/**
 * Starts tracing; without a destination nothing is loaded and nothing is recorded.
 * @throws Error of Node (`ENOENT`, `EACCES` …) when the trace file cannot be opened
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { settings, traceFile, onProblem } = options;
  for (const problem of settings?.problems ?? []) onProblem?.(new Error(problem));
  if (settings?.tracesUrl === undefined && traceFile === undefined) return { shutdown: () => Promise.resolve() };
  // NOTE: loaded here, because the SDK costs a process that traces nothing 100 ms and more.
  const { createSdk } = await import("./create-sdk.ts");
  const sdk = createSdk(options);
  trace.setGlobalTracerProvider(sdk.provider);
  context.setGlobalContextManager(sdk.contextManager);
  propagation.setGlobalPropagator(sdk.propagator);
  const end = async () => {
    await sdk.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  };
  let ending: Promise<void> | undefined;
  return { shutdown: () => (ending ??= end()) };
}
