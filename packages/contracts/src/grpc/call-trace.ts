// The trace a call belongs to: sent with it, and continued around its handler. What a span is, the
// processes say; contracts know no telemetry.
import { Metadata } from "nice-grpc";
import type { CallContext, CallOptions, ClientMiddlewareCall, ServerMiddlewareCall } from "nice-grpc";

import { openService } from "./call-token.ts";

const traceKey = "traceparent";

/** What runs around a call. */
export type CallSpan = {
  run<T>(work: () => T): T;
  recordError(error: unknown): void;
  end(): void;
};

/** Begins what runs around a call; `path` is `/package.Service/Method`. */
export type OpenCallSpan = (call: { path: string; traceparent: string | undefined }) => CallSpan;

/** Client middleware: sends the trace of whoever calls. */
export function sendTrace(current: () => string | undefined) {
  return async function* <Request, Response>(call: ClientMiddlewareCall<Request, Response>, options: CallOptions) {
    const traceparent = current();
    const metadata = Metadata(options.metadata);
    if (traceparent !== undefined) metadata.set(traceKey, traceparent);
    return yield* call.next(call.request, { ...options, metadata });
  };
}

/** Server middleware: a span around every call but health checks. */
export function traceCalls(open: OpenCallSpan) {
  return async function* <Request, Response>(call: ServerMiddlewareCall<Request, Response>, context: CallContext) {
    const { path } = call.method;
    const answers = call.next(call.request, context);
    if (path.startsWith(openService)) return yield* answers;
    const traceparent = context.metadata.get(traceKey);
    const span = open({ path, traceparent: typeof traceparent === "string" ? traceparent : undefined });
    try {
      // NOTE: not `yield*`: every turn of the handler has to run inside the span.
      for (;;) {
        const next = await span.run(() => answers.next());
        if (next.done === true) return next.value;
        yield next.value;
      }
    } catch (error) {
      span.recordError(error);
      throw error;
    } finally {
      await answers.return(undefined as never);
      span.end();
    }
  };
}
