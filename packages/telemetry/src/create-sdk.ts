// The OpenTelemetry SDK as this product uses it. Only `tracing.ts` loads this file.
import type { ContextManager, TextMapPropagator, TracerProvider as ApiTracerProvider } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator, setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { SpanProcessor } from "@opentelemetry/sdk-trace";

import { createFileExporter } from "./file-exporter.ts";
import { telemetryLimits } from "./limits.ts";
import { textRedactor } from "./redact-text.ts";
import { withRedaction } from "./redacting-exporter.ts";
import type { TracingOptions } from "./tracing.ts";

export type Sdk = {
  provider: ApiTracerProvider;
  contextManager: ContextManager;
  propagator: TextMapPropagator;
  shutdown(): Promise<void>;
};

/** URL that takes traces: the collector's base, or the full address when that is given. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith("/v1/traces")) url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  return url.href;
}

function createProcessors({ otlpEndpoint, traceFile, secrets = [] }: TracingOptions): SpanProcessor[] {
  const redact = textRedactor(secrets);
  const processors: SpanProcessor[] = [];
  if (traceFile !== undefined) {
    // NOTE: span by span, so that the file is whole also when the process is killed.
    processors.push(new SimpleSpanProcessor({ exporter: withRedaction(createFileExporter(traceFile), redact) }));
  }
  if (otlpEndpoint !== undefined) {
    const timeoutMillis = telemetryLimits.exportTimeoutMs;
    const exporter = new OTLPTraceExporter({ url: tracesUrl(otlpEndpoint), timeoutMillis });
    processors.push(
      new BatchSpanProcessor({ exporter: withRedaction(exporter, redact), exportTimeoutMillis: timeoutMillis }),
    );
  }
  return processors;
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
  const { serviceName, version, onProblem, shutdownMs = telemetryLimits.shutdownMs } = options;
  const report = once(onProblem ?? (() => undefined));
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({ "service.name": serviceName, "service.version": version }),
    ),
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
