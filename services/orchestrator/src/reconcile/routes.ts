// Routes of reconciliation: what differs, and mending it.
import type { ReconcileResponse } from "@ossaat/contracts";
import { Router } from "express";

import { identityOf } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import { findDifferences } from "./find-differences.ts";
import type { ReconcileDeps } from "./find-differences.ts";
import { mendDifferences } from "./mend-differences.ts";

export function reconcileRoutes(deps: Omit<ReconcileDeps, "tenantId">): Router {
  const router = Router();
  router.get("/reconciliation", async (_request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.read");
    const found = await findDifferences({ ...deps, tenantId: identity.tenantId });
    response.json({ schemaVersion: 1, applied: false, ...found } satisfies ReconcileResponse);
  });
  router.post("/reconciliation", async (_request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "queue.manage");
    response.json(await mendDifferences({ ...deps, tenantId: identity.tenantId, actor: identity.actor }));
  });
  return router;
}
