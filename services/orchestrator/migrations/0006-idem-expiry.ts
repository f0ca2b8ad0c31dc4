// Answers by the end of their time, so that those to be forgotten are found at once.
import type { Kysely } from "kysely";

import { createIndexes, planIndex } from "./planned-index.ts";

export const indexes = [planIndex("idem_expires", "idem", (index) => index.columns(["expires_at"]))];

export const up = (db: Kysely<unknown>): Promise<void> => createIndexes(db, indexes);
