// Routes on a database that knows tenants: what they see is what it lets their tenant see.
import { PersonCapability } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { serveApp } from "../testing/serve-orchestrator.ts";
import type { ServedApp } from "../testing/serve-orchestrator.ts";
import { createOrchestrator } from "./orchestrator.ts";

const internalKey = new Uint8Array(32).fill(7);

let stack: AgentStack;
let app: ServedApp;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "a.txt": "a\n" } });
  const composed = { ...stack.engine, ...stack.parts, sandbox: "none" as const, internalKey, version: "1.2.3" };
  const orchestrator = createOrchestrator({ ...composed, stateDir: "/state", providerKeys: [] });
  app = await serveApp(orchestrator.app, { internalKey, capabilities: PersonCapability.options });
});
afterAll(async () => {
  await app.close();
  await stack.remove();
});

const create = (tenantId: string) =>
  app.call("/plans", {
    method: "POST",
    body: { goal: "Change a", repository: { path: stack.repository }, model: "none" },
    identity: { tenantId },
  });

/** Takes away what the statements of the routes need, so that only the database decides. */
async function closeRows(close: boolean): Promise<void> {
  const own = sql`tenant_id = current_setting('ossaat.tenant', true)`;
  const rule = close ? sql`false` : own;
  await sql`alter policy tenant_rows on plan using (current_user <> 'ossaat_tenant' or ${rule})`.execute(
    stack.engine.store.read,
  );
}

test("a route finds and writes nothing that the database keeps from its tenant", async () => {
  const { id } = (await create("ann")).body["plan"] as PlanState;
  const ask = async (path: string, body?: unknown) => {
    const options = { identity: { tenantId: "ann" }, ...(body === undefined ? {} : { method: "POST", body }) };
    return (await app.call(path, options)).status;
  };
  const answers = async () => [
    await ask(`/plans/${id}`),
    await ask(`/plans/${id}/events`),
    await ask(`/plans/${id}/policy`),
    await ask(`/plans/${id}/decisions`, { decision: "cancel" }),
  ];
  await closeRows(true);
  const closed = [...(await answers()), (await create("ann")).status];
  await closeRows(false);
  const open = await answers();
  expect([closed, open[0], open[3]]).toEqual([[404, 404, 404, 404, 503], 200, 200]);
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from plan`.execute(
    stack.engine.store.read,
  );
  expect(rows).toEqual([{ count: 1 }]);
});
