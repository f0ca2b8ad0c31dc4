// The trace a piece of work belongs to, carried as W3C `traceparent` text over queues, rows
// and services. Without tracing all of this is a no-op.
import { ROOT_CONTEXT, context, isSpanContextValid, propagation, trace } from "@opentelemetry/api";
import type { Context, SpanContext } from "@opentelemetry/api";

function activeSpanContext(): SpanContext | undefined {
  const span = trace.getSpanContext(context.active());
  return span !== undefined && isSpanContextValid(span) ? span : undefined;
}

/** Trace id of the running work, 32 hex digits; undefined when tracing is off. */
export function activeTraceId(): string | undefined {
  return activeSpanContext()?.traceId;
}

/** Ids of the running span, for log lines; empty when there is none. */
export function activeSpanIds(): { traceId?: string; spanId?: string } {
  const span = activeSpanContext();
  return span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId };
}

/** The running span as `traceparent`; undefined when tracing is off. */
export function currentTraceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** Trace id named by a `traceparent`; undefined when it is not one. */
export function traceIdOf(traceparent: string | null | undefined): string | undefined {
  return /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? "")?.[1];
}

/** The context a `traceparent` names, free of anything that runs now. */
export function contextOf(traceparent: string | undefined): Context {
  return traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent });
}

/**
 * Runs work as part of the trace that `traceparent` names, or of none: never of the trace that
 * happens to run now, as when one request wakes a queue that delivers another's message.
 */
export function continueTrace<T>(traceparent: string | undefined, work: () => T): T {
  return context.with(contextOf(traceparent), work);
}
