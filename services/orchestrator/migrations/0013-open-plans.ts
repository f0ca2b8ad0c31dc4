// The open plans of a tenant, found without those that ended.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { createIndexes, planIndex } from "./planned-index.ts";

export const indexes = [
  planIndex("plan_open", "plan", (index) => index.columns(["tenant_id"]).where(sql.ref("finished_at"), "is", null)),
];

export const up = (db: Kysely<unknown>): Promise<void> => createIndexes(db, indexes);
