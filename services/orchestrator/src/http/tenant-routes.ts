// Routes over the data of whoever asks: where the database knows tenants, none of them can reach
// another tenant's rows by a statement that forgot to name one.
import type { RequestHandler, Router } from "express";

import type { Engine } from "../job/engine.ts";
import { identityOf } from "./respond.ts";

/** Tenants whose routes are kept made; making them again is cheap. */
const maxKept = 100;

export type TenantRoutes = {
  handle: RequestHandler;
  /** The routes as a tenant has them. */
  of(tenantId: string): Router;
};

/** Makes the routes once for each tenant, over an engine whose store is that tenant's. */
export function tenantRoutes(engine: Engine, make: (own: Engine) => Router): TenantRoutes {
  const kept = new Map<string, Router>();
  const routesOf = (tenantId: string): Router => {
    const known = kept.get(tenantId) ?? make({ ...engine, store: engine.store.forTenant(tenantId) });
    // The one asked for last is the last to go.
    kept.delete(tenantId);
    kept.set(tenantId, known);
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    return known;
  };
  return {
    handle: (request, response, next) => routesOf(identityOf(response).tenantId)(request, response, next),
    of: routesOf,
  };
}
