// Who works on a database: one server whose plans have their working trees on its machine, or the
// processes of a deployment, as many as there are. Each holds a lock of its session, which the
// database drops when it dies; the two kinds keep each other out.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import { Client } from "pg";

import { postgresLimits } from "../limits.ts";
import { translatePostgresError } from "./postgres-errors.ts";
import { connectionConfig } from "./postgres-pool.ts";

/** Names the lock among all locks of the database; any number that nobody else uses. */
const ownerLock = 7_236_413_002;

type Use = "alone" | "shared";

const lockStatements: Readonly<Record<Use, string>> = {
  alone: "select pg_try_advisory_lock($1) as held",
  shared: "select pg_try_advisory_lock_shared($1) as held",
};

const sharedHolders = `
  select coalesce(bool_or(mode = 'ShareLock'), false) as shared
  from pg_locks
  where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32) + objid::bigint = $1
`;

export type DatabaseLock = { release(): Promise<void> };

export type DatabaseLockOptions = {
  url: string;
  /** Told when the other kind has the database by now: this process must stop. */
  onTaken(error: AgentError): void;
};

type Held = { client: Client; lost: Promise<void> };

function refused(reason: "database_owned" | "database_shared"): AgentError {
  const [message, others] =
    reason === "database_owned"
      ? ["Another ossaat server is using this database.", "the other server"]
      : ["The processes of an ossaat deployment are using this database.", "them"];
  const next = `stop ${others}, or name another database: \`ossaat config explain store\``;
  return new AgentError("conflict", message, { details: { reason, next } });
}

/** @returns why not, when others have it */
async function tryLock(url: string, use: Use): Promise<Held | AgentError> {
  const client = new Client(connectionConfig(url, postgresLimits));
  const { promise: lost, resolve } = Promise.withResolvers<void>();
  client.on("error", () => resolve());
  client.on("end", () => resolve());
  try {
    await client.connect();
    // A machine that vanished must not hold the lock for hours.
    await client.query("set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3");
    const { rows } = await client.query<{ held: boolean }>(lockStatements[use], [ownerLock]);
    if (rows[0]?.held === true) return { client, lost };
    const { rows: others } = await client.query<{ shared: boolean }>(sharedHolders, [ownerLock]);
    await client.end();
    return refused(others[0]?.shared === true ? "database_shared" : "database_owned");
  } catch (error) {
    await client.end().catch(() => undefined);
    throw translatePostgresError(error);
  }
}

async function lockWithin(url: string, use: Use, ms: number): Promise<Held> {
  const until = performance.now() + ms;
  for (;;) {
    const tried = await tryLock(url, use);
    if (!(tried instanceof AgentError)) return tried;
    if (performance.now() > until) throw tried;
    await sleep(postgresLimits.ownerPauseMs);
  }
}

/** Takes the lock, and takes it again whenever its session was lost. */
async function holdLock({ url, onTaken }: DatabaseLockOptions, use: Use): Promise<DatabaseLock> {
  let isReleased = false;
  let held = await lockWithin(url, use, postgresLimits.ownerWaitMs);
  const keep = async (): Promise<void> => {
    for (;;) {
      await held.lost;
      if (isReleased) return;
      const again = await tryLock(url, use).catch(() => "unreachable" as const);
      if (again instanceof AgentError) return isReleased ? undefined : onTaken(again);
      if (again === "unreachable") await sleep(postgresLimits.ownerPauseMs, undefined, { ref: false });
      else held = again;
      // NOTE: who released meanwhile had only the lost session to end.
      if (isReleased) return void held.client.end();
    }
  };
  void keep();
  return {
    async release() {
      isReleased = true;
      await held.client.end();
    },
  };
}

/**
 * Takes the database for this process alone.
 * @throws AgentError conflict when a server or a deployment has it, unavailable
 */
export function ownDatabase(options: DatabaseLockOptions): Promise<DatabaseLock> {
  return holdLock(options, "alone");
}

/**
 * Takes part in the use of the database, beside other processes that do the same.
 * @throws AgentError conflict when a server has it for itself, unavailable
 */
export function shareDatabase(options: DatabaseLockOptions): Promise<DatabaseLock> {
  return holdLock(options, "shared");
}
