// A span for every request but the probes. It knows the route's template, never the URL, a
// header or a body.
import { httpRoutes } from "@ossaat/contracts";
import type { HttpRoute } from "@ossaat/contracts";
import { openSpan, requestEnd, requestSpan } from "@ossaat/telemetry";
import type { NextFunction, Request, Response } from "express";

/** Asked every few seconds by supervisors and scrapers: their spans would bury the others. */
const probes: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

const patterns = httpRoutes.map(({ method, path }) => ({
  method: method.toUpperCase(),
  path,
  pattern: new RegExp(`^${path.replaceAll(".", String.raw`\.`).replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));

/** The route a request is for, with its parameters. */
function matchRoute(method: string, path: string): { route: HttpRoute["path"]; planId?: string } | undefined {
  for (const candidate of patterns) {
    const match = candidate.method === method ? candidate.pattern.exec(path) : null;
    if (match === null) continue;
    const planId = match.groups?.["planId"];
    return { route: candidate.path, ...(planId === undefined ? {} : { planId }) };
  }
  return undefined;
}

/** Continues the caller's trace or begins one; a no-op when tracing is off. */
export function traceRequest(request: Request, response: Response, next: NextFunction): void {
  if (probes.has(request.path)) {
    next();
    return;
  }
  const { method, path } = request;
  const span = openSpan(requestSpan({ method, ...matchRoute(method, path), traceparent: request.get("traceparent") }));
  response.once("close", () => {
    span.set(requestEnd({ status: response.statusCode, requestId: String(response.locals["requestId"] ?? "") }));
    if (response.statusCode >= 500) span.fail(String(response.statusCode));
    span.end();
  });
  span.run(next);
}
