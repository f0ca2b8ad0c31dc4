// The OpenTelemetry SDK as this product uses it. Only `tracing.ts` loads this file.
import type { ContextManager, TextMapPropagator, TracerProvider as ApiTracerProvider } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator, setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Sampler, SpanProcessor } from "@opentelemetry/sdk-trace";

import { createFileExporter } from "./file-exporter.ts";
import { telemetryLimits } from "./limits.ts";
import { textRedactor } from "./redact-text.ts";
import { withRedaction } from "./redacting-exporter.ts";
import type { TracingSettings } from "./tracing-settings.ts";
import type { TracingOptions } from "./tracing.ts";

export type Sdk = {
  provider: ApiTracerProvider;
  contextManager: ContextManager;
  propagator: TextMapPropagator;
  shutdown(): Promise<void>;
};

function createProcessors({ settings, traceFile, secrets = [] }: TracingOptions): SpanProcessor[] {
  const redact = textRedactor([...secrets, ...(settings?.secrets ?? [])]);
  const processors: SpanProcessor[] = [];
  if (traceFile !== undefined) {
    // NOTE: span by span, so that the file is whole also when the process is killed.
    processors.push(new SimpleSpanProcessor({ exporter: withRedaction(createFileExporter(traceFile), redact) }));
  }
  if (settings?.tracesUrl !== undefined) {
    const exporter = withRedaction(new OTLPTraceExporter({ url: settings.tracesUrl }), redact);
    processors.push(new BatchSpanProcessor({ exporter, exportTimeoutMillis: telemetryLimits.exportTimeoutMs }));
  }
  return processors;
}

/** A caller that does not sample is followed, unless the setting names the root's rule alone. */
function samplerOf({ sampler }: TracingSettings): Sampler | undefined {
  if (sampler === undefined) return undefined;
  const { name, ratio } = sampler;
  const roots = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const root = roots[name.replace("parentbased_", "") as keyof typeof roots]();
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

function once(report: (error: Error) => void): (thrown: unknown) => void {
  let told = false;
  return (thrown) => {
    if (told) return;
    told = true;
    report(thrown instanceof Error ? thrown : new Error(String(thrown)));
  };
}

/** Ends with the work or after `ms`, whichever comes first. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`spans were not exported within ${ms} ms`)), ms);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** @throws Error of Node when the trace file cannot be opened */
export function createSdk(options: TracingOptions): Sdk {
  const { serviceName, version, settings, onProblem, shutdownMs = telemetryLimits.shutdownMs } = options;
  const sampler = settings === undefined ? undefined : samplerOf(settings);
  const own = resourceFromAttributes({ "service.name": serviceName, "service.version": version });
  const report = once(onProblem ?? (() => undefined));
  const provider = new TracerProvider({
    // What the environment says of this process stands above its own name.
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    ...(sampler === undefined ? {} : { sampler }),
    spanProcessors: createProcessors(options),
  });
  setGlobalErrorHandler(report);
  return {
    provider,
    contextManager: new AsyncLocalStorageContextManager().enable(),
    propagator: new W3CTraceContextPropagator(),
    shutdown: () => within(shutdownMs, provider.shutdown()).catch(report),
  };
}
