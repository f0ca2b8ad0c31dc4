// One connection in the hands of a transaction. What a transaction only writes is sent without a wait for
// its answer, so that a server is waited for where something is read, and at the end.
import type { Writable } from "node:stream";

import { AgentError } from "@ossaat/contracts";
import type { PostgresPoolClient } from "kysely";
import type { PoolClient, QueryResult } from "pg";

import { postgresLimits } from "../limits.ts";
import { joinWrites } from "./join-writes.ts";
import type { SqlStatement } from "./join-writes.ts";
import {
  commitUnknown,
  isConnectionLost,
  isContention,
  isStalePlan,
  translatePostgresError,
  wasNeverSent,
} from "./postgres-errors.ts";

const begins = /^(?:begin|start transaction)\b/u;
const ends = /^(?:commit|end|rollback)$/u;
const writes = /^(?:insert|update|delete|set local)\b/u;
const returning = /\breturning\b/u;

/** Names of statements by their text: the server reads and plans each text once for each connection. */
const names = new Map<string, string>();

/** Undefined for texts beyond the limit: those that are made anew each time must not fill the server's memory. */
function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= postgresLimits.preparedStatements) return known;
  const name = `ossaat_${names.size}`;
  names.set(text, name);
  return name;
}

/** In place of the answer of a statement that nobody waits for: how many rows it changed is not known. */
const unknownResult = { command: "", rowCount: null, rows: [] };

export class BorrowedClient implements Pick<PostgresPoolClient, "release"> {
  readonly #client: PoolClient;
  #isInTransaction = false;
  /** Statements whose answers nobody waits for; they leave with the next one, in one packet. */
  #waiting: SqlStatement[] = [];
  /** What failed first in this transaction: what comes after it fails because of it. */
  #failure: { error: unknown } | undefined;
  #lost: Error | undefined;
  #isStale = false;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  query(text: string, parameters: readonly unknown[]): Promise<unknown> {
    // NOTE: a broken connection answers nothing: the rollback that follows would wait for its limit of time.
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const isBegin = begins.test(text);
    if (isBegin) {
      this.#isInTransaction = true;
      this.#failure = undefined;
    }
    const statement = { text, values: [...parameters] };
    if (isBegin || (this.#isInTransaction && writes.test(text) && !returning.test(text))) {
      this.#waiting.push(statement);
      return Promise.resolve(unknownResult);
    }
    return this.#heard(statement);
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#lost !== undefined || this.#isStale || this.#isInTransaction);
  }

  /** The answer of a statement, once all before it are there: the first that failed is what went wrong. */
  async #heard(statement: SqlStatement): Promise<unknown> {
    const { text } = statement;
    const isPart = this.#isInTransaction;
    const [answer, ...before] = this.#sendTogether(joinWrites([...this.#waiting.splice(0), statement]));
    if (ends.test(text)) this.#isInTransaction = false;
    await Promise.allSettled([...before, answer]);
    if (!isPart || this.#failure === undefined || text === "rollback") return answer;
    throw this.#failure.error;
  }

  /** Answers with that of the last one first. */
  #sendTogether(statements: readonly SqlStatement[]): Promise<QueryResult>[] {
    const { stream } = (this.#client as unknown as { connection: { stream: Writable } }).connection;
    stream.cork();
    const answers = statements.map((statement) => this.#send(statement));
    stream.uncork();
    return answers.toReversed();
  }

  async #send(statement: SqlStatement): Promise<QueryResult> {
    try {
      return await this.#sendPrepared(statement);
    } catch (error) {
      const { text } = statement;
      const told = this.#told(text, error);
      // NOTE: a commit that was sent may have taken place, whatever was lost before it.
      if (this.#failure === undefined || text === "commit") this.#failure = { error: told };
      throw told;
    }
  }

  async #sendPrepared({ text, values }: SqlStatement): Promise<QueryResult> {
    const name = values.length === 0 ? undefined : nameOf(text);
    if (name === undefined) return this.#client.query(text, values);
    try {
      return await this.#client.query({ name, text, values });
    } catch (error) {
      if (this.#isInTransaction || !isStalePlan(error)) throw error;
      this.#isStale = true;
      return this.#client.query(text, values);
    }
  }

  #told(text: string, error: unknown): unknown {
    if (isStalePlan(error)) this.#isStale = true;
    if (isContention(error)) return error;
    const translated = translatePostgresError(error);
    if (!isConnectionLost(error)) return translated;
    this.#lost = text === "commit" && !wasNeverSent(error) ? commitUnknown(error) : AgentError.from(translated);
    return this.#lost;
  }
}
