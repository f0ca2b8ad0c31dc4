// Whether a database that the product has not used yet is free for it.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import type { Tables } from "../tables.ts";
import { otherTables } from "./postgres-errors.ts";

/** Every table of the product, by name. */
const ownTables: Readonly<Record<keyof Tables, true>> = {
  plan: true,
  step: true,
  step_dep: true,
  attempt: true,
  approval: true,
  event: true,
  outbox: true,
  dead_letter: true,
  claim_gate: true,
  timer: true,
  sweep: true,
  idem: true,
  artifact: true,
  turn_plan: true,
  turn_record: true,
  turn_event: true,
};

/**
 * Looks and changes nothing. One statement sees either the list of migrations or none of the tables that another
 * process makes after it.
 * @throws AgentError conflict when somebody else has a relation of one of our names
 */
export async function requireFreeNames(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = to_regnamespace(quote_ident(current_schema()))
      and relname in (${sql.join([...Object.keys(ownTables), "kysely_migration"])})
  `.execute(db);
  const found = rows.map(({ name }) => name);
  if (found.length > 0 && !found.includes("kysely_migration")) throw otherTables();
}
