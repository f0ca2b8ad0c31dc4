// Routes of archives: an export streams out, an import is kept in a file until it was checked.
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

import { AgentError } from "@ossaat/contracts";
import { Router } from "express";
import type { Request } from "express";

import { identityOf, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import { exportPlan, makeSpool } from "./export-plan.ts";
import type { ArchiveDeps } from "./export-plan.ts";
import { importPlan } from "./import-plan.ts";
import { archiveLimits } from "./limits.ts";

function bounded(): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= archiveLimits.maxArchiveBytes) return done(null, chunk);
      return done(
        new AgentError("limit_exceeded", `An archive has at most ${archiveLimits.maxArchiveBytes} bytes.`, {
          details: { next: "check what file it is: `ossaat export PLAN --file FILE` writes an archive" },
        }),
      );
    },
  });
}

async function withUpload<T>(deps: ArchiveDeps, request: Request, work: (file: string) => Promise<T>): Promise<T> {
  const spool = await makeSpool(deps);
  try {
    const file = path.join(spool, "archive.tar");
    await pipeline(request, bounded(), createWriteStream(file, { mode: 0o600 }));
    return await work(file);
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

export function archiveRoutes(deps: ArchiveDeps): Router {
  const router = Router();
  router.get("/plans/:planId/archive", async (request, response) => {
    const identity = identityOf(response);
    requireCapability(identity, "plan.read");
    const planId = textParam(request, "planId");
    const exported = await exportPlan(deps, { planId, tenantId: identity.tenantId });
    try {
      response.type("application/x-tar").setHeader("cache-control", "no-store");
      await pipeline(exported.archive, response);
    } finally {
      await exported.remove();
    }
  });
  router.post("/plans/import", async (request, response) => {
    const identity = identityOf(response);
    // What an archive says was approved is approved here, too.
    requireCapability(identity, "plan.create");
    requireCapability(identity, "plan.approve");
    const { tenantId, actor } = identity;
    const repository = textParam(request, "repository");
    const repositoryPath = repository === "" ? undefined : repository;
    response.json(
      await withUpload(deps, request, (file) => importPlan(deps, { file, tenantId, actor, repositoryPath })),
    );
  });
  return router;
}
