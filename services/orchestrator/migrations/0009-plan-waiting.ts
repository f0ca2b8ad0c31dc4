// Plans that wait for a person, so that they are counted without a look at all that ever ran.
import type { Kysely } from "kysely";

import { createIndexes, planIndex } from "./planned-index.ts";

export const indexes = [
  planIndex("plan_waiting", "plan", (index) =>
    index.columns(["updated_at"]).where("status" as never, "=", "awaiting_approval"),
  ),
];

export const up = (db: Kysely<unknown>): Promise<void> => createIndexes(db, indexes);
