// Who works on a database: one server whose plans have their working trees on its machine, or the
// processes of a deployment, as many as there are. Each holds a lock of its session, which the
// database drops when it dies; the two kinds keep each other out.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";

import { postgresLimits } from "../limits.ts";
import { translatePostgresError } from "./postgres-errors.ts";
import { openWatchedSession } from "./watched-session.ts";
import type { WatchedSession } from "./watched-session.ts";

/** Names the lock among all locks of the database; any number that nobody else uses. */
const ownerLock = 7_236_413_002;

type Use = "alone" | "shared";

const lockFunctions: Readonly<Record<Use, string>> = {
  alone: "pg_try_advisory_lock",
  shared: "pg_try_advisory_lock_shared",
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

/** How the server knows a session; its number alone is given to others after it. */
type SessionName = { pid: number; since: string };

type Held = WatchedSession & { name: SessionName };

function refused(reason: "database_owned" | "database_shared"): AgentError {
  const [message, others] =
    reason === "database_owned"
      ? ["Another ossaat server is using this database.", "the other server"]
      : ["The processes of an ossaat deployment are using this database.", "them"];
  const next = `stop ${others}, or name another database: \`ossaat config explain store\``;
  return new AgentError("conflict", message, { details: { reason, next } });
}

type Wanted = {
  url: string;
  use: Use;
  /** This process's own session before, which the server may still take for alive. */
  before?: SessionName;
};

async function endBefore({ client }: WatchedSession, { pid, since }: SessionName): Promise<void> {
  const ending = "select pg_terminate_backend(pid, $3) from pg_stat_activity where pid = $1 and backend_start = $2";
  await client.query(ending, [pid, since, postgresLimits.ownerWaitMs]);
}

/** @returns why not, when others have it */
async function tryLock({ url, use, before }: Wanted): Promise<Held | AgentError> {
  const session = await openWatchedSession(url);
  const { client } = session;
  try {
    // A machine that vanished must not hold the lock for hours.
    await client.query("set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3");
    if (before !== undefined) await endBefore(session, before);
    const { rows } = await client.query<SessionName & { held: boolean }>(
      `select pid, backend_start::text as since, ${lockFunctions[use]}($1) as held
       from pg_stat_activity where pid = pg_backend_pid()`,
      [ownerLock],
    );
    const [row] = rows;
    if (row?.held === true) return { ...session, name: { pid: row.pid, since: row.since } };
    const { rows: others } = await client.query<{ shared: boolean }>(sharedHolders, [ownerLock]);
    await session.end();
    return refused(others[0]?.shared === true ? "database_shared" : "database_owned");
  } catch (error) {
    await session.end();
    throw translatePostgresError(error);
  }
}

async function lockWithin(wanted: Wanted, ms: number): Promise<Held> {
  const until = performance.now() + ms;
  for (;;) {
    const tried = await tryLock(wanted);
    if (!(tried instanceof AgentError)) return tried;
    if (performance.now() > until) throw tried;
    await sleep(postgresLimits.ownerPauseMs);
  }
}

/** Takes the lock, and takes it again whenever its session was lost. */
async function holdLock(options: DatabaseLockOptions, use: Use): Promise<DatabaseLock> {
  const { url } = options;
  let isReleased = false;
  let held = await lockWithin({ url, use }, postgresLimits.ownerWaitMs);
  const keep = async (): Promise<void> => {
    for (;;) {
      await held.lost;
      if (isReleased) return;
      const again = await tryLock({ url, use, before: held.name }).catch(() => "unreachable" as const);
      if (again instanceof AgentError) return isReleased ? undefined : options.onTaken(again);
      if (again === "unreachable") await sleep(postgresLimits.ownerPauseMs, undefined, { ref: false });
      else held = again;
      // NOTE: who released meanwhile had only the lost session to end.
      if (isReleased) return held.end();
    }
  };
  void keep();
  return {
    async release() {
      isReleased = true;
      await held.end();
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
