// Public names of telemetry.
export { createLogger } from "./create-logger.ts";
export type { LogLevel, Logger, LoggerOptions } from "./create-logger.ts";
export type { SpanLine } from "./file-exporter.ts";
export { countHeld, countStale, countStream, measureAppend, measureClaim } from "./metrics.ts";
export { attributeKeys, serviceName, spanNames } from "./names.ts";
export {
  callSpan,
  createPlanEnd,
  createPlanSpan,
  modelTurnEnd,
  modelTurnSpan,
  requestEnd,
  requestSpan,
  stepEnd,
  stepSpan,
  takeJobEnd,
  takeJobSpan,
  toolCallEnd,
  toolCallSpan,
  toolRunSpan,
} from "./product-spans.ts";
export type { ModelTurnEnd, ModelTurnStart, RequestSpanInput, ToolCallEnd, ToolCallStart } from "./product-spans.ts";
export { redactFields } from "./redact-fields.ts";
export type { RedactOptions } from "./redact-fields.ts";
export { redactText, redacted, textRedactor } from "./redact-text.ts";
export type { RedactText } from "./redact-text.ts";
export { metricsContentType, renderMetrics } from "./render-metrics.ts";
export type { GaugeReading } from "./render-metrics.ts";
export { serveMetrics } from "./serve-metrics.ts";
export type { MetricsServer } from "./serve-metrics.ts";
export { activeTraceId, continueTrace, currentTraceparent, traceIdOf } from "./trace-context.ts";
export { traceRequests } from "./trace-request.ts";
export { readTracingSettings } from "./tracing-settings.ts";
export type { TracingEnvironment, TracingSettings } from "./tracing-settings.ts";
export { startTracing } from "./tracing.ts";
export type { Tracing, TracingOptions } from "./tracing.ts";
export { openSpan, withSpan } from "./with-span.ts";
export type { ActiveSpan, OpenSpan, SpanAttributes, SpanStart } from "./with-span.ts";
