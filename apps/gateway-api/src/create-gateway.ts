// The public edge in front of the orchestrator: ids, guards, limits, health, and an internal
// token for whoever was let in. It holds no plan logic and no provider key.
import { AgentError, PersonCapability, errorTable, httpRoutes, proveToken, toErrorBody } from "@ossaat/contracts";
import express from "express";
import type { Express, NextFunction, Request, RequestHandler, Response } from "express";
import { metricsContentType, traceRequests } from "@ossaat/telemetry";
import { rateLimit } from "express-rate-limit";

import { checkHost, checkToken, hasToken, withIds } from "./guard.ts";
import { gatewayLimits } from "./limits.ts";
import { openApiDocument } from "./open-api.ts";

export type Person = { tenantId: string; userId: string; capabilities: readonly string[] };

export type GatewayOptions = {
  /** The orchestrator: its own handler when embedded, a proxy to it when distributed. */
  upstream: RequestHandler;
  /** Makes the short-lived internal token of a person. */
  mintToken(person: Person): Promise<string>;
  /** The API token of the local user. */
  token: string;
  localUser: string;
  /** Host names this server answers to. */
  allowedHosts: readonly string[];
  version: string;
  /** Resolves when the server can take work. */
  ready(): Promise<void>;
  /** What a scrape is answered. */
  metrics(): Promise<string>;
  /** Told of every request that was let in. */
  onActivity(): void;
  log: { error(fields: object, message: string): void };
};

function answerError(response: Response, error: AgentError): void {
  const requestId = String(response.locals["requestId"] ?? "");
  const traceId = String(response.locals["traceId"] ?? "");
  response.status(errorTable[error.code].httpStatus).json(toErrorBody(error, { requestId, traceId }));
}

/** Bounds callers without a token only: nobody may use up what the owner needs to cancel a run. */
function limiter({ token }: GatewayOptions): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    skip: (request) => hasToken(request, token),
    limit: gatewayLimits.requestsPerMinute,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    handler: (_request, response) => {
      answerError(response, new AgentError("rate_limited", "Too many requests without a token: wait a minute."));
    },
  });
}

function health(options: GatewayOptions, app: Express): void {
  app.get("/healthz", (request, response) => {
    const { challenge } = request.query;
    const proof = typeof challenge === "string" ? { proof: proveToken(options.token, challenge) } : {};
    response.json({ status: "ok", version: options.version, ...proof });
  });
  app.get("/readyz", async (_request, response) => {
    try {
      await options.ready();
      response.json({ status: "ok" });
    } catch (error) {
      options.log.error({ error }, "not ready");
      answerError(
        response,
        new AgentError("unavailable", "The server cannot take work now.", { details: { next: "ossaat doctor" } }),
      );
    }
  });
  app.get("/openapi.json", (_request, response) => {
    response.json(openApiDocument(options.version));
  });
}

/** Replaces what the caller sent by who the caller is. */
function forward(options: GatewayOptions): RequestHandler {
  const person: Person = { tenantId: "local", userId: options.localUser, capabilities: PersonCapability.options };
  return async (request, response, next) => {
    options.onActivity();
    request.headers.authorization = `Bearer ${await options.mintToken(person)}`;
    await options.upstream(request, response, next);
  };
}

export function createGateway(options: GatewayOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(traceRequests(httpRoutes));
  app.use(withIds);
  app.use(checkHost(new Set(options.allowedHosts)));
  health(options, app);
  app.use(limiter(options));
  app.use(checkToken(options.token));
  // Not beside the health routes: what this server did is for who may ask it, and a proxy may stand before it.
  app.get("/metrics", async (_request, response) => {
    response.setHeader("content-type", metricsContentType).send(await options.metrics());
  });
  app.use(forward(options));
  app.use((request: Request, response: Response) => {
    answerError(
      response,
      new AgentError("not_found", `There is no ${request.method} ${request.path}.`, {
        details: { next: "`ossaat status` names the server; GET /openapi.json lists its routes" },
      }),
    );
  });
  app.use((thrown: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const error = AgentError.from(thrown);
    if (error.code === "internal") options.log.error({ error: thrown }, "request failed");
    if (response.headersSent) response.end();
    else answerError(response, error);
  });
  return app;
}
