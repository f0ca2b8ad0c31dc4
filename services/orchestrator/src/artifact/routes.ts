// Routes of what is kept beside the events: large values, and full outputs of commands.
import { AgentError, Sha256 } from "@ossaat/contracts";
import type { WorkspaceService } from "@ossaat/contracts";
import { Router } from "express";

import { identityOf, parse, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import { requirePlan } from "../plan/read-plan.ts";
import type { Reader } from "../store/store.ts";
import type { Artifacts } from "./artifacts.ts";

/** Bytes of one answer. */
const pageBytes = 256 * 1024;

/** Names are hashes of content, so one tenant could guess another's: the plan itself must name it. */
async function isNamedBy(db: Reader, planId: string, ref: string): Promise<boolean> {
  const row = await db
    .selectFrom("event")
    .select("seq")
    .where("plan_id", "=", planId)
    .where("data_json", "like", `%"ref":"${ref}"%`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export function artifactRoutes({ read, artifacts }: { read: Reader; artifacts: Artifacts }): Router {
  const router = Router();
  router.get("/plans/:planId/artifacts/:ref", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.read");
    const planId = textParam(request, "planId");
    await requirePlan(read, planId, identity.tenantId);
    const ref = parse(Sha256, textParam(request, "ref"));
    if (!(await isNamedBy(read, planId, ref))) throw new AgentError("not_found", "No event of this plan names it.");
    response.json({ schemaVersion: 1, ref, value: JSON.parse(await artifacts.get(ref)) as unknown });
  });
  return router;
}

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
