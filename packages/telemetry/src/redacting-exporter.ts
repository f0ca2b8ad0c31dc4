// Stands before every exporter: no span leaves the process with a secret or with an overlong
// value in it, whoever set it.
import type { Attributes } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";

import { telemetryLimits } from "./limits.ts";
import { redactFields } from "./redact-fields.ts";
import type { RedactText } from "./redact-text.ts";

function redactAttributes(attributes: Attributes, redact: RedactText): Attributes {
  return redactFields(attributes, { redact, maxChars: telemetryLimits.maxAttributeChars });
}

function redactSpan(span: ReadableSpan, redact: RedactText): ReadableSpan {
  const { status } = span;
  return {
    name: redact(span.name),
    kind: span.kind,
    spanContext: () => span.spanContext(),
    ...(span.parentSpanContext === undefined ? {} : { parentSpanContext: span.parentSpanContext }),
    startTime: span.startTime,
    endTime: span.endTime,
    status: status.message === undefined ? status : { ...status, message: redact(status.message) },
    attributes: redactAttributes(span.attributes, redact),
    links: span.links.map((link) => ({ ...link, attributes: redactAttributes(link.attributes ?? {}, redact) })),
    events: span.events.map((event) => ({
      ...event,
      name: redact(event.name),
      attributes: redactAttributes(event.attributes ?? {}, redact),
    })),
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

/** An exporter that hands `exporter` redacted copies, and turns what it throws into a failed export. */
export function withRedaction(exporter: SpanExporter, redact: RedactText): SpanExporter {
  return {
    export(spans, done) {
      try {
        exporter.export(
          spans.map((span) => redactSpan(span, redact)),
          done,
        );
      } catch (error) {
        done({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) });
      }
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
