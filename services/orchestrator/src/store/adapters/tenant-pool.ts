// Statements for one tenant: each runs in a transaction that takes on the role of tenants first, so
// that the database itself keeps every other tenant's rows out. Role and name end with the
// transaction: a connection, or a pooler between, carries nothing over.
import { PostgresDialect } from "kysely";
import type { DialectAdapter, PostgresPool, PostgresPoolClient } from "kysely";
import { escapeLiteral } from "pg";

import { tenantRole, tenantSetting } from "../tenant-role.ts";
import { isStalePlan } from "./postgres-errors.ts";

function actFor(tenantId: string): string {
  return `set local role ${tenantRole}; select set_config('${tenantSetting}', ${escapeLiteral(tenantId)}, true)`;
}

/** Reads what it says and changes nothing, so that it may be asked again whatever became of its commit. */
const reads = /^select\b/u;

const begins = /^(?:begin|start transaction)\b/u;

class TenantClient {
  readonly #client: PostgresPoolClient;
  readonly #prelude: string;
  #isInTransaction = false;

  constructor(client: PostgresPoolClient, prelude: string) {
    this.#client = client;
    this.#prelude = prelude;
  }

  async query(text: string, parameters: readonly unknown[]): Promise<unknown> {
    if (begins.test(text)) {
      await this.#begin(text);
      this.#isInTransaction = true;
      return { command: "BEGIN", rows: [] };
    }
    if (!this.#isInTransaction) return this.#alone(text, parameters);
    if (text === "commit" || text === "rollback") this.#isInTransaction = false;
    return this.#client.query(text, parameters);
  }

  release(): void {
    this.#client.release();
  }

  /** One message to the server; when it fails, no half-begun transaction stays on the connection. */
  async #begin(text: string): Promise<void> {
    try {
      await this.#client.query(`${text}; ${this.#prelude}`, []);
    } catch (error) {
      await this.#client.query("rollback", []).catch(() => undefined);
      throw error;
    }
  }

  /** A statement outside of a transaction gets one of its own; what was prepared for another schema is asked again. */
  async #alone(text: string, parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#once(text, parameters);
    } catch (error) {
      if (!isStalePlan(error)) throw error;
      return this.#once(text, parameters);
    }
  }

  async #once(text: string, parameters: readonly unknown[]): Promise<unknown> {
    await this.#begin("start transaction");
    try {
      const result = await this.#client.query(text, parameters);
      // NOTE: the same to the server; a connection that is lost at a `commit` leaves open whether a change was saved.
      await this.#client.query(reads.test(text) ? "end" : "commit", []);
      return result;
    } catch (error) {
      await this.#client.query("rollback", []).catch(() => undefined);
      throw error;
    }
  }
}

/** The connections of `pool` in the hands of one tenant. They stay `pool`'s, which its owner ends. */
function tenantPool(pool: PostgresPool, tenantId: string): PostgresPool {
  const prelude = actFor(tenantId);
  return {
    options: pool.options,
    connect: async () => new TenantClient(await pool.connect(), prelude) as unknown as PostgresPoolClient,
    end: () => Promise.resolve(),
  };
}

/** A dialect for one tenant; with the adapter of the others, whose compiled statements it shares. */
export class TenantDialect extends PostgresDialect {
  readonly #adapter: DialectAdapter;

  constructor({ pool, adapter, tenantId }: { pool: PostgresPool; adapter: DialectAdapter; tenantId: string }) {
    super({ pool: tenantPool(pool, tenantId) });
    this.#adapter = adapter;
  }

  override createAdapter(): DialectAdapter {
    return this.#adapter;
  }
}
