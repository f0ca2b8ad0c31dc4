// The port of an orchestrator process: health for whoever watches it, and the API where its role has one.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { AgentError } from "@ossaat/contracts";
import express from "express";
import type { RequestHandler } from "express";

export type ServeProcessOptions = {
  /** 0 takes a free one; always on the loopback interface. */
  port: number;
  /** Resolves when the process can take work. */
  ready: () => Promise<void>;
  /** Absent = health only. */
  api?: RequestHandler | undefined;
  version: string;
};

export type ProcessServer = {
  port: number;
  /** Not ready from now on, so that nobody sends new requests; those that run go on. */
  drain(): void;
  /** Ends everything, streams too: their readers go on at another replica. */
  close(): Promise<void>;
};

/** Starts listening. @throws AgentError unavailable */
export async function serveProcess({ port, ready, api, version }: ServeProcessOptions): Promise<ProcessServer> {
  const app = express();
  app.disable("x-powered-by");
  let isDraining = false;
  app.get("/healthz", (_request, response) => {
    response.json({ status: "ok", version });
  });
  app.get("/readyz", async (_request, response) => {
    const isReady =
      !isDraining &&
      (await ready().then(
        () => true,
        () => false,
      ));
    response.status(isReady ? 200 : 503).json({ status: isReady ? "ok" : "unavailable" });
  });
  if (api !== undefined) app.use(api);
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new AgentError("unavailable", `The process cannot listen on port ${port}.`, {
          details: { next: "`export OSSAAT_LISTEN=127.0.0.1:PORT` with a port that is free" },
          cause,
        }),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    drain: () => void (isDraining = true),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
