// The port of an orchestrator process: health and metrics for whoever watches it, and the API where its
// role has one.
import { createServer } from "node:http";

import { httpRoutes } from "@ossaat/contracts";
import { drainServer, listenLocally } from "@ossaat/contracts/http";
import { metricsContentType, traceRequests } from "@ossaat/telemetry";
import express from "express";
import type { RequestHandler } from "express";

import { setDraining } from "./respond.ts";

export type ServeProcessOptions = {
  /** 0 takes a free one; always on the loopback interface. */
  port: number;
  /** Resolves when the process can take work. */
  ready: () => Promise<void>;
  /** What a scrape of `/metrics` is answered. */
  metrics: () => Promise<string>;
  /** Absent = health and metrics only. */
  api?: RequestHandler | undefined;
  version: string;
};

export type ProcessServer = {
  port: number;
  /** Not ready from now on, so that nobody sends new requests. Streams end: their readers go on at another replica. */
  drain(): void;
  /** Takes nothing any more and lets requests that run end, for at most so many milliseconds. */
  close(graceMs: number): Promise<void>;
};

/** Starts listening. @throws AgentError unavailable */
export async function serveProcess({
  port,
  ready,
  metrics,
  api,
  version,
}: ServeProcessOptions): Promise<ProcessServer> {
  const app = express();
  app.disable("x-powered-by");
  const draining = new AbortController();
  app.get("/healthz", (_request, response) => {
    response.json({ status: "ok", version });
  });
  app.get("/readyz", async (_request, response) => {
    const isReady =
      !draining.signal.aborted &&
      (await ready().then(
        () => true,
        () => false,
      ));
    response.status(isReady ? 200 : 503).json({ status: isReady ? "ok" : "unavailable" });
  });
  app.get("/metrics", async (_request, response) => {
    response.setHeader("content-type", metricsContentType).send(await metrics());
  });
  app.use((_request, response, next) => {
    setDraining(response, draining.signal);
    next();
  });
  if (api !== undefined) app.use(traceRequests(httpRoutes), api);
  const server = createServer(app);
  const next = "`export OSSAAT_LISTEN=127.0.0.1:PORT` with a port that is free";
  return {
    port: await listenLocally(server, { port, next }),
    drain: () => draining.abort(),
    close: (graceMs) => drainServer(server, graceMs),
  };
}
