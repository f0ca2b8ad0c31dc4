// Routes of the event stream.
import { AgentError } from "@ossaat/contracts";
import { Router } from "express";
import type { Request, Response } from "express";

import { drainingOf, identityOf, textParam } from "../http/respond.ts";
import { requireCapability } from "../identity/identity.ts";
import type { Engine } from "../job/engine.ts";
import { requirePlan } from "../plan/read-plan.ts";
import { readEvents } from "./read-events.ts";
import { isWhole, streamEvents } from "./stream-events.ts";

const eventNumber = /^\d{1,15}$/;

/** The event a reader saw last; 0 = none. @throws AgentError invalid_input */
async function lastEventId(engine: Engine, planId: string, request: Request): Promise<number> {
  const raw = request.get("last-event-id") ?? textParam(request, "lastEventId");
  if (raw === "") return 0;
  if (!eventNumber.test(raw)) {
    throw new AgentError("invalid_input", "Last-Event-ID is not an event number.", {
      details: { next: `ossaat logs ${planId} --since 0` },
    });
  }
  const seq = Number(raw);
  const { next_seq: next } = await engine.store.read
    .selectFrom("plan")
    .select("next_seq")
    .where("id", "=", planId)
    .executeTakeFirstOrThrow();
  if (seq >= next) {
    throw new AgentError("invalid_input", `The plan has no event ${raw}: its last one is ${next - 1}.`, {
      details: { next: `ossaat logs ${planId} --since 0` },
    });
  }
  return seq;
}

async function answer(
  engine: Engine,
  planId: string,
  { request, response }: { request: Request; response: Response },
): Promise<void> {
  const identity = identityOf(response);
  requireCapability(identity, "plan.read");
  await requirePlan(engine.store.read, planId, identity.tenantId);
  const afterSeq = await lastEventId(engine, planId, request);
  if (request.accepts(["text/event-stream", "json"]) === "json") {
    response.json({ schemaVersion: 1, events: await readEvents(engine.store.read, planId, { afterSeq }) });
    return;
  }
  // NOTE: by the standard, 204 is what keeps a reader from connecting again and again.
  if (await isWhole(engine, planId, afterSeq)) {
    response.status(204).end();
    return;
  }
  const controller = new AbortController();
  response.on("close", () => controller.abort());
  const draining = drainingOf(response);
  const signals = draining === undefined ? [controller.signal] : [controller.signal, draining];
  await streamEvents(engine, response, { planId, afterSeq, signal: AbortSignal.any(signals) });
}

export function eventRoutes(engine: Engine): Router {
  const router = Router();
  router.get(["/plans/:planId/events", "/plan/:planId/events"], (request, response) =>
    answer(engine, textParam(request, "planId"), { request, response }),
  );
  router.get("/events", (request, response) => answer(engine, textParam(request, "plan_id"), { request, response }));
  return router;
}
