// The event stream of an engine on a port, for a reader that may see plans.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import express from "express";

import { eventRoutes } from "../event/routes.ts";
import { errorHandler } from "../http/respond.ts";
import type { Engine } from "../job/engine.ts";
import { user } from "./test-engine.ts";

export type ServedEvents = { base: string; server: Server; close(): Promise<void> };

export async function serveEvents(engine: Engine): Promise<ServedEvents> {
  const app = express();
  app.use((_request, response, next) => {
    response.locals["identity"] = { tenantId: "local", actor: user, capabilities: ["plan.read"] };
    next();
  });
  app.use(eventRoutes(engine));
  app.use(errorHandler(engine.log));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
