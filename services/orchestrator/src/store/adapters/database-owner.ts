// One server at a time works on a database whose plans have their working trees on one machine: it
// holds a lock of the session, which the database drops when the server dies.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import { Client } from "pg";

import { postgresLimits } from "../limits.ts";
import { translatePostgresError } from "./postgres-errors.ts";
import { connectionConfig } from "./postgres-pool.ts";

/** Names the lock among all locks of the database; any number that nobody else uses. */
const ownerLock = 7_236_413_002;

export type DatabaseOwner = { release(): Promise<void> };

type Held = { client: Client; lost: Promise<void> };

/** @returns undefined when another server holds the lock */
async function tryLock(url: string): Promise<Held | undefined> {
  const client = new Client(connectionConfig(url, postgresLimits));
  const { promise: lost, resolve } = Promise.withResolvers<void>();
  client.on("error", () => resolve());
  client.on("end", () => resolve());
  try {
    await client.connect();
    // A machine that vanished must not hold the lock for hours.
    await client.query("set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3");
    const { rows } = await client.query<{ held: boolean }>("select pg_try_advisory_lock($1) as held", [ownerLock]);
    if (rows[0]?.held === true) return { client, lost };
    await client.end();
    return undefined;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw translatePostgresError(error);
  }
}

function owned(): AgentError {
  return new AgentError("conflict", "Another ossaat server is using this database.", {
    details: {
      reason: "database_owned",
      next: "stop the other server, or name another database: `ossaat config explain store`",
    },
  });
}

async function lockWithin(url: string, ms: number): Promise<Held> {
  const until = performance.now() + ms;
  for (;;) {
    const held = await tryLock(url);
    if (held !== undefined) return held;
    if (performance.now() > until) throw owned();
    await sleep(postgresLimits.ownerPauseMs);
  }
}

/**
 * Takes the database for this process, and takes it again when the connection was lost. `onTaken` is
 * told when another server has it then: this one must stop.
 * @throws AgentError conflict when another server has it
 */
export async function ownDatabase(url: string, onTaken: (error: AgentError) => void): Promise<DatabaseOwner> {
  let released = false;
  let held = await lockWithin(url, postgresLimits.ownerWaitMs);
  const keep = async (): Promise<void> => {
    for (;;) {
      await held.lost;
      if (released) return;
      const again = await tryLock(url).catch(() => "unreachable" as const);
      if (again === undefined) return onTaken(owned());
      if (again === "unreachable") await sleep(postgresLimits.ownerPauseMs, undefined, { ref: false });
      else held = again;
    }
  };
  void keep();
  return {
    async release() {
      released = true;
      await held.client.end();
    },
  };
}
