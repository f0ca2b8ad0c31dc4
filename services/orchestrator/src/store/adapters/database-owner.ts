// Who works on a database: one server whose plans have their working trees on its machine, or the
// processes of a deployment, as many as there are. Each holds a lock of its session, which the
// database drops when it dies; the two kinds keep each other out.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";

import { postgresLimits } from "../limits.ts";
import type { Names } from "../store.ts";
import { translatePostgresError } from "./postgres-errors.ts";
import { openWatchedSession } from "./watched-session.ts";
import type { WatchedSession } from "./watched-session.ts";
import { workerNameLock } from "./worker-name-lock.ts";

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

/** Names that are taken go with the lock's session, and come back with it. */
export type DatabaseLock = Names & { release(): Promise<void> };

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

type KeptName = { onLost: () => void; isHeld: boolean };

/** Names that a process has by the session of its lock. */
class HeldNames {
  readonly #kept = new Map<string, KeptName>();

  async take(session: WatchedSession, name: string, onLost: () => void): Promise<boolean> {
    if (this.#kept.get(name)?.isHeld === true) return true;
    if (!(await this.#tryName(session, name))) return false;
    this.#kept.set(name, { onLost, isHeld: true });
    return true;
  }

  /** Takes them in a new session; those that others have are tried until the session is lost, too. */
  async takeAgain(session: WatchedSession): Promise<void> {
    for (const kept of this.#kept.values()) kept.isHeld = false;
    const lost = session.lost.then(() => "lost" as const);
    const told = new Set<string>();
    for (;;) {
      for (const [name, kept] of this.#kept) {
        kept.isHeld ||= await this.#tryName(session, name);
        if (!kept.isHeld && !told.has(name)) kept.onLost();
        told.add(name);
      }
      if ([...this.#kept.values()].every(({ isHeld }) => isHeld)) return;
      const pause = sleep(postgresLimits.namePauseMs, undefined, { ref: false });
      if ((await Promise.race([lost, pause])) === "lost") return;
    }
  }

  async #tryName({ client }: WatchedSession, name: string): Promise<boolean> {
    const text = "select pg_try_advisory_lock($1::bigint) as held";
    const { rows } = await client.query<{ held: boolean }>(text, [workerNameLock(name)]);
    return rows[0]?.held === true;
  }
}

/** Takes the lock, and takes it again whenever its session was lost. */
async function holdLock(options: DatabaseLockOptions, use: Use): Promise<DatabaseLock> {
  const { url } = options;
  let isReleased = false;
  let held = await lockWithin({ url, use }, postgresLimits.ownerWaitMs);
  const names = new HeldNames();
  const keep = async (): Promise<void> => {
    for (;;) {
      await held.lost;
      if (isReleased) return;
      const again = await tryLock({ url, use, before: held.name }).catch(() => "unreachable" as const);
      if (again instanceof AgentError) return isReleased ? undefined : options.onTaken(again);
      if (again === "unreachable") await sleep(postgresLimits.ownerPauseMs, undefined, { ref: false });
      else {
        held = again;
        // NOTE: what fails in a session that was lost as well is done by the next one.
        void names.takeAgain(again).catch(() => undefined);
      }
      // NOTE: who released meanwhile had only the lost session to end.
      if (isReleased) return held.end();
    }
  };
  void keep();
  return {
    async take(name, onLost) {
      try {
        return await names.take(held, name, onLost);
      } catch (error) {
        throw translatePostgresError(error);
      }
    },
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
