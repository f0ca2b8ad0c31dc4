// Runs the numbered migrations, forward only.
import { AgentError } from "@ossaat/contracts";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";

import * as initial from "../../migrations/0001-initial.ts";
import * as deadLetter from "../../migrations/0002-dead-letter.ts";
import * as tenantRows from "../../migrations/0003-tenant-rows.ts";
import * as outboxOrder from "../../migrations/0004-outbox-order.ts";
import * as sharedTexts from "../../migrations/0005-shared-texts.ts";
import * as idemExpiry from "../../migrations/0006-idem-expiry.ts";
import * as stepAnnounced from "../../migrations/0007-step-announced.ts";
import * as tenantDispatch from "../../migrations/0008-tenant-dispatch.ts";
import * as planWaiting from "../../migrations/0009-plan-waiting.ts";
import * as attemptTrace from "../../migrations/0010-attempt-trace.ts";
import * as stepKindVersion from "../../migrations/0011-step-kind-version.ts";
import * as stepWaiting from "../../migrations/0012-step-waiting.ts";
import * as openPlans from "../../migrations/0013-open-plans.ts";
import * as sweep from "../../migrations/0014-sweep.ts";
import * as messages from "../../migrations/0015-messages.ts";
import * as sweepIndexes from "../../migrations/0016-sweep-indexes.ts";
import * as failureKinds from "../../migrations/0017-failure-kinds.ts";
import { isPostgres } from "../../migrations/dialect.ts";
import { IndexesFirst } from "../../migrations/planned-index.ts";
import type { PlannedIndex } from "../../migrations/planned-index.ts";
import { buildIndexes } from "./build-indexes.ts";
import type { Tables } from "./tables.ts";

/** By their names, in the order they are applied. */
export const migrations = {
  "0001-initial": initial,
  "0002-dead-letter": deadLetter,
  "0003-tenant-rows": tenantRows,
  "0004-outbox-order": outboxOrder,
  "0005-shared-texts": sharedTexts,
  "0006-idem-expiry": idemExpiry,
  "0007-step-announced": stepAnnounced,
  "0008-tenant-dispatch": tenantDispatch,
  "0009-plan-waiting": planWaiting,
  "0010-attempt-trace": attemptTrace,
  "0011-step-kind-version": stepKindVersion,
  "0012-step-waiting": stepWaiting,
  "0013-open-plans": openPlans,
  "0014-sweep": sweep,
  "0015-messages": messages,
  "0016-sweep-indexes": sweepIndexes,
  "0017-failure-kinds": failureKinds,
};

export const migrationNames: readonly string[] = Object.keys(migrations);

/** What a database that a newer version wrote means to this one. */
export type NewerSchema = {
  /** Whether a schema to which newer versions only added something is used as it is. */
  isUsable: boolean;
  error(cause: unknown): AgentError;
};

/** The name of a migration that takes away what the version before it still uses. */
const takesAway = /^\d+-contract-/u;

/** Whether a schema holds all that this version uses. */
export function isUsableSchema(applied: readonly string[]): boolean {
  return migrationNames.every((name) => applied.includes(name)) && !applied.some((name) => takesAway.test(name));
}

/** Migrations that the database has, in their order. */
export async function readApplied(db: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map(({ name }) => name);
}

const migratorOf = (db: Kysely<Tables>) =>
  new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });

/** Indexes of the migration that comes next. */
async function nextIndexes(migrator: Migrator): Promise<readonly PlannedIndex[]> {
  const next = (await migrator.getMigrations()).find(({ executedAt }) => executedAt === undefined);
  return (next?.migration as { indexes?: readonly PlannedIndex[] } | undefined)?.indexes ?? [];
}

/** Brings an empty database to an earlier version, as tests need it. */
export async function migrateTo(db: Kysely<Tables>, name: keyof typeof migrations): Promise<void> {
  const { error } = await migratorOf(db).migrateTo(name);
  if (error !== undefined) throw AgentError.from(error);
}

/**
 * Brings the schema to this version. Each migration is a transaction of its own, so that those who use the
 * data wait for none longer than it takes by itself; on an empty database nobody waits, and it is one. On a
 * server indexes of tables with rows are built before it, beside those who write.
 * @throws AgentError conflict when the database was written by a newer version and is not usable
 */
export async function migrate(db: Kysely<Tables>, newer: NewerSchema): Promise<void> {
  const migrator = migratorOf(db);
  const isEmpty = (await migrator.getMigrations()).every(({ executedAt }) => executedAt === undefined);
  const advance = async () => {
    if (isEmpty) return migrator.migrateToLatest();
    if (isPostgres(db as unknown as Kysely<unknown>)) await buildIndexes(db, await nextIndexes(migrator));
    return migrator.migrateUp();
  };
  for (;;) {
    const { error, results } = await advance();
    if (error instanceof IndexesFirst) continue;
    if (error instanceof Error && error.message.includes("corrupted migrations")) {
      if (newer.isUsable && isUsableSchema(await readApplied(db))) return;
      throw newer.error(error);
    }
    if (error !== undefined) throw AgentError.from(error);
    if (isEmpty || results === undefined || results.length === 0) return;
  }
}
