// Route of full command outputs, kept by the tool runner.
import type { WorkspaceService } from "@ossaat/contracts";
import { Router } from "express";

import { identityOf, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";

/** Bytes of one answer. */
const pageBytes = 256 * 1024;

export function logRoutes(workspaces: WorkspaceService): Router {
  const router = Router();
  router.get("/logs/:logRef", async (request, response) => {
    requireCapability(identityOf(response), "plan.read");
    const fromByte = Number(textParam(request, "fromByte")) || 0;
    const log = await workspaces.readLog({ logRef: textParam(request, "logRef"), fromByte, maxBytes: pageBytes });
    response.json({ schemaVersion: 1, ...log });
  });
  return router;
}
