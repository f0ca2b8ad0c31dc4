// Spans around pieces of work. A span says what, how long and how it ended, never content: of
// an error it keeps class, code and stack frames, not the message.
import { SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import type { Attributes, Span } from "@opentelemetry/api";

import { telemetryLimits } from "./limits.ts";
import type { Measured } from "./metrics.ts";
import { attributeKeys, serviceName } from "./names.ts";
import { contextOf } from "./trace-context.ts";

/** Values of a span; what is undefined is left out. */
export type SpanAttributes = Record<string, string | number | boolean | string[] | undefined>;

export type SpanStart = {
  name: string;
  kind?: "internal" | "server" | "client" | "consumer";
  attributes?: SpanAttributes;
  /** Continues this trace; without it the span belongs to the one that runs, or begins its own. */
  traceparent?: string | undefined;
  /** Told once, at the end; also when tracing is off. */
  measure?: ((measured: Measured, attributes: SpanAttributes) => void) | undefined;
};

export type ActiveSpan = {
  set(attributes: SpanAttributes): void;
  /** Marks the span as failed with a short code, for work that reports failure as data. */
  fail(code: string): void;
};

export type OpenSpan = ActiveSpan & {
  /** Marks the span as failed by something thrown. */
  recordError(error: unknown): void;
  /** Names another span that led to this one, by its `traceparent`; what is none is left out. */
  link(traceparent: string | undefined): void;
  /** Runs work with this span as the current one. */
  run<T>(work: () => T): T;
  end(): void;
};

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

function known(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as Attributes;
}

/** The error's code when it is a word, else its class. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

function failSpan(span: Span, code: string): void {
  span.setAttribute(attributeKeys.errorType, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}

function recordError(span: Span, error: unknown): void {
  failSpan(span, codeOf(error));
  if (!(error instanceof Error)) return;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  span.addEvent("exception", {
    [attributeKeys.exceptionType]: error.name,
    [attributeKeys.exceptionStack]: frames.slice(0, telemetryLimits.maxFrames).join("\n"),
  });
}

/** Keeps what a span's end is measured by, whether or not the span is recorded. */
function createMeasure({ measure, attributes = {} }: SpanStart) {
  const startedAt = performance.now();
  const all: SpanAttributes = { ...attributes };
  let hasFailed = false;
  let hasEnded = false;
  return {
    set: (values: SpanAttributes) => void Object.assign(all, values),
    fail: () => void (hasFailed = true),
    end() {
      if (!hasEnded) measure?.({ seconds: (performance.now() - startedAt) / 1_000, hasFailed }, all);
      hasEnded = true;
    },
  };
}

/** Starts a span whose end is not the end of a function; the caller must `end()` it. */
export function openSpan(start: SpanStart): OpenSpan {
  const { name, kind = "internal", attributes = {}, traceparent } = start;
  const parent = traceparent === undefined ? context.active() : contextOf(traceparent);
  const options = { kind: kinds[kind], attributes: known(attributes) };
  const measured = createMeasure(start);
  const span = trace.getTracer(serviceName).startSpan(name, options, parent);
  const own = trace.setSpan(parent, span);
  return {
    set: (values) => {
      measured.set(values);
      span.setAttributes(known(values));
    },
    fail: (code) => {
      measured.fail();
      failSpan(span, code);
    },
    recordError: (error) => {
      measured.fail();
      recordError(span, error);
    },
    link: (other) => {
      const linked = trace.getSpanContext(contextOf(other));
      if (linked !== undefined) span.addLink({ context: linked });
    },
    run: (work) => context.with(own, work),
    end: () => {
      span.end();
      measured.end();
    },
  };
}

/**
 * Runs `work` in a span and ends it. The span failed when work throws or calls `fail`; what is
 * thrown passes through.
 */
export async function withSpan<T>(start: SpanStart, work: (span: ActiveSpan) => Promise<T>): Promise<T> {
  const span = openSpan(start);
  try {
    return await span.run(() => work(span));
  } catch (error) {
    span.recordError(error);
    throw error;
  } finally {
    span.end();
  }
}
