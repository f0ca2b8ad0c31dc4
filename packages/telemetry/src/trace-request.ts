// A span for every request but the probes. It knows the route's template, never the URL, a
// header or a body.
import type { IncomingMessage, ServerResponse } from "node:http";

import { openSpan } from "./with-span.ts";
import { requestEnd, requestSpan } from "./product-spans.ts";

/** Asked every few seconds by supervisors and scrapers: their spans would bury the others. */
const probes: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

/** A route as the table of routes has it: `/plans/{planId}`. */
type Route = { method: string; path: string };

type Traced = IncomingMessage & { path: string };
type Answer = ServerResponse & { locals: Record<string, unknown> };

/** Finds the route a request is for, with its parameters. */
function createMatch(routes: readonly Route[]) {
  const patterns = routes.map(({ method, path }) => ({
    method: method.toUpperCase(),
    path,
    pattern: new RegExp(`^${path.replaceAll(".", String.raw`\.`).replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
  }));
  return (method: string, path: string): { route?: string; planId?: string } => {
    for (const candidate of patterns) {
      const match = candidate.method === method ? candidate.pattern.exec(path) : null;
      if (match === null) continue;
      const planId = match.groups?.["planId"];
      return { route: candidate.path, ...(planId === undefined ? {} : { planId }) };
    }
    return {};
  };
}

/** Middleware: continues the caller's trace or begins one, and measures; without tracing it measures alone. */
export function traceRequests(routes: readonly Route[]) {
  const match = createMatch(routes);
  return (request: Traced, response: Answer, next: () => void): void => {
    const { method = "", path } = request;
    if (probes.has(path)) return next();
    const { traceparent } = request.headers;
    const caller = typeof traceparent === "string" ? traceparent : undefined;
    const span = openSpan(requestSpan({ method, ...match(method, path), traceparent: caller }));
    response.once("close", () => {
      const { requestId } = response.locals;
      span.set(requestEnd({ status: response.statusCode, requestId: typeof requestId === "string" ? requestId : "" }));
      if (response.statusCode >= 500) span.fail(String(response.statusCode));
      span.end();
    });
    span.run(next);
  };
}
