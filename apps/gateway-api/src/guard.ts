// The edge's guards: ids for every request, Host and Origin checks against DNS rebinding and
// foreign pages, and the API token.
import { randomUUID, timingSafeEqual } from "node:crypto";

import { AgentError, sha256Hex } from "@ossaat/contracts";
import { activeTraceId, traceIdOf } from "@ossaat/telemetry";
import type { NextFunction, Request, RequestHandler, Response } from "express";

import { gatewayLimits } from "./limits.ts";

const requestIdPattern = /^[A-Za-z0-9._-]+$/;

/** Gives every request an id and a trace id (its span's when tracing is on), in the answer's headers as well. */
export function withIds(request: Request, response: Response, next: NextFunction): void {
  const given = request.get("x-request-id") ?? "";
  const usable = given.length > 0 && given.length <= gatewayLimits.maxRequestIdChars && requestIdPattern.test(given);
  const requestId = usable ? given : randomUUID();
  const traceId = activeTraceId() ?? traceIdOf(request.get("traceparent")) ?? randomUUID().replaceAll("-", "");
  request.headers["x-request-id"] = requestId;
  request.headers["x-trace-id"] = traceId;
  response.locals["requestId"] = requestId;
  response.locals["traceId"] = traceId;
  response.setHeader("x-request-id", requestId);
  response.setHeader("x-trace-id", traceId);
  response.setHeader("x-content-type-options", "nosniff");
  next();
}

function hostName(authority: string): string {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:/@]+)(?::\d{1,5})?$/.exec(authority);
  return match?.[1]?.toLowerCase() ?? "";
}

/** Refuses a Host that is not ours, and an Origin that is not the Host. */
export function checkHost(allowedHosts: ReadonlySet<string>): RequestHandler {
  return (request, _response, next) => {
    const host = request.get("host") ?? "";
    if (!allowedHosts.has(hostName(host))) {
      throw new AgentError("forbidden", "The Host header does not name this server.", {
        details: { next: "`ossaat status` shows the address of the server" },
      });
    }
    const origin = request.get("origin");
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new AgentError("forbidden", "Requests from other origins are not accepted.", {
        details: { next: "`ossaat status` shows the address of the server" },
      });
    }
    next();
  };
}

/** Compares hashes, so that neither content nor length leaks by time. */
function equals(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256Hex(a)), Buffer.from(sha256Hex(b)));
}

/** Whether a request carries the API token. */
export function hasToken(request: Request, token: string): boolean {
  const [scheme, given] = (request.get("authorization") ?? "").split(" ");
  return scheme?.toLowerCase() === "bearer" && given !== undefined && equals(given, token);
}

/** A client reads the token of its own embedded server by itself, so that this is one that OSSAAT_URL names. */
const wrongTokenNext =
  "`export OSSAAT_TOKEN=…` with the token of that server: OSSAAT_API_TOKEN of its gateway, or `token` in server.json of its state folder";

/** Requires the API token. */
export function checkToken(token: string): RequestHandler {
  return (request, _response, next) => {
    if (hasToken(request, token)) {
      next();
      return;
    }
    throw new AgentError("unauthenticated", "The request carries no valid API token.", {
      details: { next: wrongTokenNext },
    });
  };
}
