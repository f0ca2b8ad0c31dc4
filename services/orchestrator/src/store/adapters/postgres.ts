// The store that several processes share: a PostgreSQL server. Transactions are READ COMMITTED and
// rely on row locks and guarded updates; one that met another is tried again.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import { Kysely, PostgresDialect, sql } from "kysely";
import type { Expression, PostgresPool } from "kysely";

import type { Clock, Rng } from "../../clock.ts";
import { postgresLimits } from "../limits.ts";
import { migrate } from "../migrate.ts";
import type { Store, Tx } from "../store.ts";
import type { Tables } from "../tables.ts";
import { ownDatabase, shareDatabase } from "./database-owner.ts";
import type { DatabaseLock } from "./database-owner.ts";
import { requireFreeNames } from "./foreign-tables.ts";
import { isContention, isStalePlan, lockTimeout, translatePostgresError } from "./postgres-errors.ts";
import { connectionConfig, createPostgresPool, poolSizeFor } from "./postgres-pool.ts";
import type { PoolTimes } from "./postgres-pool.ts";
import { openPostgresWakes } from "./postgres-wakes.ts";
import { ownFolder } from "./sqlite.ts";
import { TenantDialect } from "./tenant-pool.ts";

function newerDatabase(cause: unknown): AgentError {
  return new AgentError("conflict", "The database was written by a newer version of ossaat.", {
    details: { next: "update ossaat, or name another database: `ossaat config explain store`" },
    cause,
  });
}

function createPool(url: string, times: PoolTimes, max: number): PostgresPool {
  return createPostgresPool({ ...connectionConfig(url, times), max });
}

/** @throws AgentError invalid_input */
export function connectPostgres(url: string, times: PoolTimes, max: number): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: createPool(url, times, max) }) });
}

/** The server's version, as it names itself. @throws AgentError unavailable when it is too old */
export async function requireVersion(db: Kysely<Tables>): Promise<string> {
  const { rows } = await sql<{ number: string; name: string }>`
    select current_setting('server_version_num') as number, current_setting('server_version') as name
  `.execute(db);
  const [version] = rows;
  if (Number(version?.number) >= postgresLimits.minVersion) return version?.name ?? "";
  const oldest = Math.floor(postgresLimits.minVersion / 10_000);
  throw new AgentError("unavailable", `The database is PostgreSQL ${version?.name}, which is too old.`, {
    details: {
      reason: "version",
      next: `use PostgreSQL ${oldest} or newer; \`ossaat config explain store\` says who named this one`,
    },
  });
}

/** Whether a migration met others in a table and left nothing behind. */
function metOthers(thrown: unknown): boolean {
  if (isContention(thrown)) return true;
  if (!(thrown instanceof AgentError)) return false;
  return thrown.details["reason"] === lockTimeout || isContention(thrown.cause);
}

async function migratePatiently(db: Kysely<Tables>): Promise<void> {
  const until = performance.now() + postgresLimits.migrationMs;
  for (;;) {
    try {
      // While a deployment is brought to a newer version, a process of this one may start again.
      return await migrate(db, { isUsable: true, error: newerDatabase });
    } catch (error) {
      if (!metOthers(error) || performance.now() > until) throw error;
    }
    await sleep(postgresLimits.migrationPauseMs);
  }
}

/**
 * Brings the schema of the database at `url` to this version. Several may do so at once: one does it,
 * the others wait for it. Processes of the version before may go on using the data meanwhile.
 * @throws AgentError invalid_input (address), unavailable (server, version), conflict (newer schema, tables of others)
 */
export async function migratePostgres(url: string): Promise<void> {
  const { migrationMs, migrationLockMs } = postgresLimits;
  const db = connectPostgres(url, { statementMs: migrationMs, lockMs: migrationLockMs, answerMs: migrationMs }, 1);
  try {
    await requireVersion(db);
    await requireFreeNames(db);
    await migratePatiently(db);
  } catch (error) {
    throw translatePostgresError(error);
  } finally {
    await db.destroy();
  }
}

/** Tries a transaction again that others made impossible. */
async function insist<T>(transact: () => Promise<T>, rng: Rng): Promise<T> {
  const { maxPoolSize, maxTries, firstPauseMs } = postgresLimits;
  let [stale, met] = [0, 0];
  for (;;) {
    try {
      return await transact();
    } catch (error) {
      // NOTE: a new schema spoils each connection on its own, and what met one of them has ended it.
      if (isStalePlan(error) && stale < maxPoolSize) {
        stale += 1;
        continue;
      }
      met += 1;
      if (!isContention(error) || met >= maxTries) throw translatePostgresError(error);
    }
    await sleep(rng() * firstPauseMs * 2 ** (met - 1));
  }
}

/** As of its first statement, without a lock on what it reads. */
function runSnapshot<T>(db: Kysely<Tables>, work: (tx: Tx) => Promise<T>, rng: Rng): Promise<T> {
  const transaction = db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only");
  return insist(() => transaction.execute(work), rng);
}

function runTx<T>(db: Kysely<Tables>, work: (tx: Tx) => Promise<T>, rng: Rng): Promise<T> {
  return insist(() => db.transaction().setIsolationLevel("read committed").execute(work), rng);
}

/** The server's clock as it is now; `now()` would be the begin of the transaction. */
const databaseTime = sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`;

function timeOf(clock: Clock): Expression<number> {
  return sql<number>`${clock.now()}::bigint`;
}

export type PostgresStoreOptions = {
  /** `postgres://user:password@host:port/database` */
  url: string;
  rng?: Rng;
  /** Steps that this process runs at once, for which it has connections; absent = few. */
  slots?: number | undefined;
  /** Connections of this process, whatever it runs. */
  poolSize?: number;
  /** Judges leases in place of the server's clock, where time is in a test's hand. */
  leaseClock?: Clock;
  /** Told when a server has taken the database for itself: this process must stop. */
  onTaken?(error: AgentError): void;
};

/** The store without what only several processes need. */
async function openAlone(options: PostgresStoreOptions): Promise<Store> {
  const { url, rng = Math.random, slots = 0, poolSize = poolSizeFor(slots), leaseClock } = options;
  await migratePostgres(url);
  const pool = createPool(url, postgresLimits, poolSize);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const { adapter } = db.getExecutor();
  const store: Store = {
    isShared: false,
    hasOneWriter: false,
    forTenant: (tenantId) => {
      const own = new Kysely<Tables>({ dialect: new TenantDialect({ pool, adapter, tenantId }) });
      return {
        ...store,
        read: own,
        tx: (work) => runTx(own, work, rng),
        snapshot: (work) => runSnapshot(own, work, rng),
      };
    },
    leaseTime: () => (leaseClock === undefined ? databaseTime : timeOf(leaseClock)),
    read: db,
    tx: (work) => runTx(db, work, rng),
    snapshot: (work) => runSnapshot(db, work, rng),
    ping: async () => {
      await sql`select 1`.execute(db);
    },
    close: () => db.destroy(),
  };
  return store;
}

/**
 * Opens (and migrates) the store at `url`, which other processes may use too.
 * @throws AgentError invalid_input (address), unavailable (server, password, database, version),
 *   conflict (newer schema, or a server that has the database for itself)
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url } = options;
  const lock = await shareDatabase({ url, onTaken: (error) => options.onTaken?.(error) });
  const store = await openAlone(options).catch(async (error: unknown) => {
    await lock.release();
    throw error;
  });
  const wakes = openPostgresWakes(url);
  const shared: Store = {
    ...store,
    isShared: true,
    wakes,
    names: lock,
    forTenant: (tenantId) => {
      const own = store.forTenant(tenantId);
      return {
        ...shared,
        read: own.read,
        tx: (work) => own.tx(work),
        snapshot: (work) => own.snapshot(work),
      };
    },
    close: async () => {
      await wakes.close();
      await store.close();
      await lock.release();
    },
  };
  return shared;
}

/**
 * Opens the store at `url` for one server with its working trees in a folder: no other uses that
 * folder or that database at the same time. `onTaken` is told when the database was lost to another.
 * @throws AgentError as {@link openPostgresStore}, and conflict when another server has either, or
 *   the processes of a deployment have the database
 */
export async function openOwnedPostgresStore(options: {
  url: string;
  /** A file of the folder that stands for it. */
  folderFile: string;
  /** Steps that the server runs at once; absent = few. */
  slots?: number | undefined;
  onTaken(error: AgentError): void;
}): Promise<Store> {
  const { url, folderFile, slots } = options;
  const folder = ownFolder(folderFile);
  let lock: DatabaseLock | undefined;
  try {
    lock = await ownDatabase({ url, onTaken: (error) => options.onTaken(error) });
    const store = await openAlone({ url, slots });
    const release = lock.release.bind(lock);
    return {
      ...store,
      close: async () => {
        await store.close();
        await release();
        folder.release();
      },
    };
  } catch (error) {
    await lock?.release();
    folder.release();
    throw error;
  }
}
