// Routes of what is kept beside the events: large values, and full outputs of commands.
import { AgentError, Sha256 } from "@ossaat/contracts";
import type { WorkspaceService } from "@ossaat/contracts";
import { Router } from "express";
import type { Request, Response } from "express";

import { identityOf, parse, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import { requirePlan } from "../plan/read-plan.ts";
import type { Reader } from "../store/store.ts";
import type { Artifacts } from "./artifacts.ts";

/** Bytes of one answer. */
const pageBytes = 256 * 1024;

/** Names are hashes of content, so one tenant could guess another's: an event of the plan itself must name it. */
async function isNamedBy(db: Reader, planId: string, name: string): Promise<boolean> {
  const row = await db
    .selectFrom("event")
    .select("seq")
    .where("plan_id", "=", planId)
    .where("data_json", "like", `%${name}%`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether a finished call of the plan names the output: in its event, or in the result kept beside it. */
async function isOutputOf({ read, artifacts }: ArtifactRouteDeps, planId: string, logRef: string): Promise<boolean> {
  const named = `"logRef":"${logRef}"`;
  if (await isNamedBy(read, planId, named)) return true;
  const rows = await read
    .selectFrom("event")
    .select("data_json")
    .where("plan_id", "=", planId)
    .where("type", "=", "tool.finished")
    .where("data_json", "like", '%"ref":"%')
    .execute();
  for (const { data_json: json } of rows) {
    const { output } = JSON.parse(json) as { output?: { ref?: string } };
    if (output?.ref !== undefined && (await artifacts.get(output.ref)).includes(named)) return true;
  }
  return false;
}

function notOfThisPlan(planId: string): AgentError {
  return new AgentError("not_found", "No event of this plan names it.", {
    details: { next: `ossaat logs ${planId} --json` },
  });
}

type ArtifactRouteDeps = { read: Reader; artifacts: Artifacts; workspaces: Pick<WorkspaceService, "readLog"> };

/** The plan of the request, when the caller may read it. @throws AgentError forbidden, not_found */
async function readablePlan(read: Reader, request: Request, response: Response): Promise<string> {
  const identity = identityOf(response);
  requireCapability(identity, "plan.read");
  const planId = textParam(request, "planId");
  await requirePlan(read, planId, identity.tenantId);
  return planId;
}

export function artifactRoutes(deps: ArtifactRouteDeps): Router {
  const { read, artifacts, workspaces } = deps;
  const router = Router();
  router.get("/plans/:planId/artifacts/:ref", async (request, response) => {
    const planId = await readablePlan(read, request, response);
    const ref = parse(Sha256, textParam(request, "ref"));
    if (!(await isNamedBy(read, planId, `"ref":"${ref}"`))) throw notOfThisPlan(planId);
    response.json({ schemaVersion: 1, ref, value: JSON.parse(await artifacts.get(ref)) as unknown });
  });
  router.get("/plans/:planId/logs/:logRef", async (request, response) => {
    const planId = await readablePlan(read, request, response);
    const logRef = parse(Sha256, textParam(request, "logRef"));
    if (!(await isOutputOf(deps, planId, logRef))) throw notOfThisPlan(planId);
    const fromByte = Number(textParam(request, "fromByte")) || 0;
    response.json({ schemaVersion: 1, ...(await workspaces.readLog({ logRef, fromByte, maxBytes: pageBytes })) });
  });
  return router;
}
