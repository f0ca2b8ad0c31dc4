// The HTTP edges every route shares: who asks, what was asked, how an error is answered.
import { AgentError, describeProblems, errorTable, schemaProblems, toErrorBody } from "@ossaat/contracts";
import type { NextFunction, Request, Response } from "express";
import { z } from "zod";

import type { Identity } from "../identity/identity.ts";

/** Identity set by the authentication middleware. @throws AgentError unauthenticated */
export function identityOf(response: Response): Identity {
  const identity: unknown = response.locals["identity"];
  if (identity === undefined) throw new AgentError("unauthenticated", "The request has no identity.");
  return identity as Identity;
}

/** Tells the routes behind when their process begins to stop. */
export function setDraining(response: Response, signal: AbortSignal): void {
  response.locals["draining"] = signal;
}

/** Aborts when the process begins to stop, where it says so: what would never end by itself ends then. */
export function drainingOf(response: Response): AbortSignal | undefined {
  return response.locals["draining"] as AbortSignal | undefined;
}

function invalidRequest(error: z.ZodError): AgentError {
  const problems = schemaProblems(error);
  const message = `The request is not valid: ${describeProblems(problems)}.`;
  return new AgentError("invalid_input", message, { details: { problems } });
}

/** Parses with a schema. @throws AgentError invalid_input naming every problem */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidRequest(parsed.error);
}

/** A path or query parameter as text. */
export function textParam(request: Request, name: string): string {
  const value: unknown = request.params[name] ?? request.query[name];
  return typeof value === "string" ? value : "";
}

function asAgentError(thrown: unknown): AgentError {
  if (thrown instanceof z.ZodError) return invalidRequest(thrown);
  const status: unknown = (thrown as { status?: unknown } | null)?.status;
  if (status === 413)
    return new AgentError("limit_exceeded", "The request is too large.", {
      details: { httpStatus: 413, next: "send less; `ossaat plan --help` names the limits of a goal" },
    });
  if (status === 400) return new AgentError("invalid_input", "The request body is not valid JSON.");
  return AgentError.from(thrown);
}

export type ErrorLog = { error(fields: object, message: string): void };

/** Express error handler: one body shape, no stack, ids in headers. */
export function errorHandler(log: ErrorLog) {
  return (thrown: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const error = asAgentError(thrown);
    const requestId = String(response.locals["requestId"] ?? "");
    const traceId = String(response.locals["traceId"] ?? "");
    if (error.code === "internal") log.error({ requestId, path: request.path, error: thrown }, "request failed");
    if (response.headersSent) {
      response.end();
      return;
    }
    const { httpStatus, retryAfterSeconds } = error.details;
    if (typeof retryAfterSeconds === "number") response.setHeader("retry-after", String(retryAfterSeconds));
    response
      .status(typeof httpStatus === "number" ? httpStatus : errorTable[error.code].httpStatus)
      .json(toErrorBody(error, { requestId, traceId }));
  };
}
