// Writes spans as JSON lines into a file, for a person to look at.
import { closeSync, fchmodSync, fstatSync, openSync, writeSync } from "node:fs";

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { Attributes, HrTime } from "@opentelemetry/api";
import { ExportResultCode, hrTimeToMicroseconds, hrTimeToMilliseconds } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";

import { telemetryLimits } from "./limits.ts";

/** One line of a trace file. */
export type SpanLine = {
  name: string;
  kind: "internal" | "server" | "client" | "producer" | "consumer";
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  /** RFC 3339. */
  start: string;
  durationMs: number;
  status: "ok" | "error";
  attributes: Attributes;
  events: { name: string; at: string; attributes: Attributes }[];
  links?: { traceId: string; spanId: string }[];
};

const kindNames = {
  [SpanKind.INTERNAL]: "internal",
  [SpanKind.SERVER]: "server",
  [SpanKind.CLIENT]: "client",
  [SpanKind.PRODUCER]: "producer",
  [SpanKind.CONSUMER]: "consumer",
} as const;

function toTimestamp(time: HrTime): string {
  return new Date(hrTimeToMilliseconds(time)).toISOString();
}

function toLine(span: ReadableSpan): SpanLine {
  const { traceId, spanId } = span.spanContext();
  const parent = span.parentSpanContext?.spanId;
  return {
    name: span.name,
    kind: kindNames[span.kind],
    traceId,
    spanId,
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    start: toTimestamp(span.startTime),
    durationMs: Math.round(hrTimeToMicroseconds(span.duration)) / 1000,
    status: span.status.code === SpanStatusCode.ERROR ? "error" : "ok",
    attributes: span.attributes,
    events: span.events.map(({ name, time, attributes = {} }) => ({ name, at: toTimestamp(time), attributes })),
    ...(span.links.length === 0
      ? {}
      : { links: span.links.map(({ context }) => ({ traceId: context.traceId, spanId: context.spanId })) }),
  };
}

/**
 * Opens `file` for appending, readable by its owner only.
 * @throws Error of Node when it cannot be opened
 */
export function createFileExporter(file: string): SpanExporter {
  const fd = openSync(file, "a", 0o600);
  const stat = fstatSync(fd);
  // NOTE: a file from before may be open to others; a pipe or a device is left as it is.
  if (stat.isFile()) fchmodSync(fd, 0o600);
  let bytes = stat.size;
  let isOpen = true;
  return {
    export(spans, done) {
      const lines = Buffer.from(spans.map((span) => `${JSON.stringify(toLine(span))}\n`).join(""));
      if (!isOpen || bytes + lines.length > telemetryLimits.maxTraceFileBytes) {
        done({ code: ExportResultCode.FAILED, error: new Error(`the trace file is ${isOpen ? "full" : "closed"}`) });
        return;
      }
      bytes += writeSync(fd, lines);
      done({ code: ExportResultCode.SUCCESS });
    },
    shutdown() {
      if (isOpen) closeSync(fd);
      isOpen = false;
      return Promise.resolve();
    },
  };
}
