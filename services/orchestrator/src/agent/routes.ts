// Route of agent profiles.
import type { WorkspaceService } from "@ossaat/contracts";
import { Router } from "express";

import { identityOf, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import type { ListingCatalog } from "./agent-catalog.ts";

export function agentRoutes({ agents, workspaces }: { agents: ListingCatalog; workspaces: WorkspaceService }): Router {
  const router = Router();
  router.get("/agents", async (request, response) => {
    requireCapability(identityOf(response), "plan.read");
    const { root, headCommit } = await workspaces.inspect({ path: textParam(request, "repository") });
    response.json(await agents.list({ path: root, commit: headCommit }));
  });
  return router;
}
