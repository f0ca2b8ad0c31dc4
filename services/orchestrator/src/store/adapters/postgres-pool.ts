// The connections to PostgreSQL: few, with limits of time on everything, and thrown away when they
// broke, so that no caller waits on a dead one.
import type { PostgresPool, PostgresPoolClient } from "kysely";
import { Pool, types } from "pg";
import type { PoolClient, PoolConfig } from "pg";

import { postgresLimits } from "../limits.ts";
import { driverAddress } from "./postgres-address.ts";
import { BorrowedClient } from "./postgres-client.ts";
import { isPoolExhausted, translatePostgresError } from "./postgres-errors.ts";

/** Counters and times are numbers; one that a number cannot hold is an error, not another number. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is too large for a number`);
  return value;
}

/** How values come out of this pool; the parsers of other users of the driver stay as they are. */
const ownTypes: PoolConfig["types"] = {
  getTypeParser: ((oid: Parameters<typeof types.getTypeParser>[0], format?: "text" | "binary") =>
    oid === types.builtins.INT8 && format !== "binary"
      ? parseInt8
      : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

export type PoolTimes = { statementMs: number; lockMs: number; answerMs: number };

/** Settings of every connection to the server at `url`. @throws AgentError invalid_input */
export function connectionConfig(url: string, { statementMs, lockMs, answerMs }: PoolTimes): PoolConfig {
  return {
    connectionString: driverAddress(url),
    application_name: "ossaat",
    types: ownTypes,
    keepAlive: true,
    keepAliveInitialDelayMillis: postgresLimits.keepAliveMs,
    connectionTimeoutMillis: postgresLimits.connectMs,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: postgresLimits.idleInTransactionMs,
    query_timeout: answerMs,
    pipeline: true,
  };
}

/** A connection of the pool; when all are in use, it is waited for several times as long as for the server. */
async function borrow(pool: Pool): Promise<PoolClient> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isPoolExhausted(error) || tries >= postgresLimits.poolTries) throw error;
    }
  }
}

/** Connections of a process that runs `slots` steps at once. */
export function poolSizeFor(slots: number): number {
  const { poolSize, poolReserve, maxPoolSize } = postgresLimits;
  return Math.min(Math.max(poolSize, slots + poolReserve), maxPoolSize);
}

/** A pool in the shape that Kysely expects; errors come out translated. */
export function createPostgresPool(config: PoolConfig): PostgresPool {
  const pool = new Pool(config);
  // NOTE: what breaks a connection is an event as well as the error of its statement; unheard, it would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return {
    options: config,
    connect: async () => {
      try {
        return new BorrowedClient(await borrow(pool)) as unknown as PostgresPoolClient;
      } catch (error) {
        throw translatePostgresError(error);
      }
    },
    end: () => pool.end(),
  };
}
