// One connection in the hands of a transaction. What a transaction only writes is sent without a wait for
// its answer, so that a server is waited for where something is read, and at the end.
import type { Writable } from "node:stream";

import { AgentError } from "@ossaat/contracts";
import type { PostgresPoolClient } from "kysely";
import type { PoolClient, QueryResult } from "pg";

import { aheadMark } from "../statement.ts";
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
import { PreparedNames } from "./prepared-names.ts";

const begins = /^(?:begin|start transaction)\b/u;
const ends = /^(?:commit|end|rollback)$/u;
const writes = /^(?:insert|update|delete|set local)\b/u;
const returning = /\breturning\b/u;

/** Of each connection, however often it is borrowed. */
const namesOf = new WeakMap<PoolClient, PreparedNames>();

/** What of the driver's connection is used that its types do not tell. */
type Driver = { connection: { stream: Writable; parsedStatements: Record<string, string> } };

/** In place of the answer of a statement that nobody waits for: how many rows it changed is not known. */
const unknownResult = { command: "", rowCount: null, rows: [] };

/** A statement that was sent before its answer is asked for. */
type Ahead = SqlStatement & { answer: Promise<QueryResult> };

const isSame = (one: SqlStatement, other: SqlStatement): boolean =>
  one.text === other.text &&
  one.values.length === other.values.length &&
  one.values.every((value, index) => value === other.values[index]);

export class BorrowedClient implements Pick<PostgresPoolClient, "release"> {
  readonly #client: PoolClient;
  readonly #names: PreparedNames;
  #isInTransaction = false;
  /** Statements whose answers nobody waits for; they leave with the next one, in one packet. */
  #waiting: SqlStatement[] = [];
  /** Statements that leave right behind the next one whose answer is waited for. */
  #behind: SqlStatement[] = [];
  /** Those that left and were not asked for yet. */
  #ahead: Ahead[] = [];
  /** What failed first in this transaction: what comes after it fails because of it. */
  #failure: { error: unknown } | undefined;
  #lost: Error | undefined;
  /** What it has prepared does not fit the schema any more: nothing is asked by name, and it is not used again. */
  #isStale = false;

  constructor(client: PoolClient) {
    this.#client = client;
    this.#names = namesOf.get(client) ?? new PreparedNames();
    namesOf.set(client, this.#names);
  }

  query(text: string, parameters: readonly unknown[]): Promise<unknown> {
    // NOTE: a broken connection answers nothing: the rollback that follows would wait for its limit of time.
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const isBegin = begins.test(text);
    if (isBegin) {
      this.#isInTransaction = true;
      this.#failure = undefined;
      this.#behind = [];
      this.#ahead = [];
    }
    if (text.startsWith(aheadMark)) {
      this.#behind.push({ text: text.slice(aheadMark.length), values: [...parameters] });
      return Promise.resolve(unknownResult);
    }
    const statement = { text, values: [...parameters] };
    if (isBegin || (this.#isInTransaction && writes.test(text) && !returning.test(text))) {
      this.#waiting.push(statement);
      return Promise.resolve(unknownResult);
    }
    const known = this.#takeAhead(statement);
    if (known !== undefined) return known;
    // NOTE: it may have written, and nobody knows what: that must not be saved.
    if (text === "commit" && this.#ahead.length > 0)
      return Promise.reject(new Error("a statement sent ahead was not run"));
    return this.#heard(statement);
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#lost !== undefined || this.#isStale || this.#isInTransaction);
  }

  /** The answer of a statement, once all before it are there: the first that failed is what went wrong. */
  async #heard(statement: SqlStatement): Promise<unknown> {
    const { text } = statement;
    const isPart = this.#isInTransaction;
    // What did not leave yet is run now, or never: behind the end it would be no part of the transaction.
    const behind = this.#behind.splice(0).filter((each) => !isSame(each, statement) && !ends.test(text));
    const together = joinWrites([...this.#waiting.splice(0), statement]);
    const answers = this.#sendTogether([...together, ...behind]);
    const [answer, ...before] = answers.slice(0, together.length).toReversed();
    for (const [index, each] of behind.entries()) this.#keepAhead(each, answers[together.length + index]);
    if (ends.test(text)) this.#isInTransaction = false;
    const settled = await Promise.allSettled([...before, answer]);
    if (!isPart || this.#failure === undefined || text === "rollback") return answer;
    // NOTE: a server answers the commit of a transaction that failed, by rolling it back. What failed may also be
    // a statement behind this one, whose own answer is good.
    const hasFailed = settled.some(({ status }) => status === "rejected");
    if (!hasFailed && text !== "commit") return answer;
    throw this.#failure.error;
  }

  #keepAhead(statement: SqlStatement, answer: Promise<QueryResult> | undefined): void {
    if (answer === undefined) return;
    // Its error is told to whoever asks for it, or is the reason why the commit fails.
    answer.catch(() => undefined);
    this.#ahead.push({ ...statement, answer });
  }

  /** The answer of a statement that was sent before. */
  #takeAhead(statement: SqlStatement): Promise<unknown> | undefined {
    const index = this.#ahead.findIndex((each) => isSame(each, statement));
    const [found] = index === -1 ? [] : this.#ahead.splice(index, 1);
    return found?.answer.catch((error: unknown) => {
      throw this.#failure === undefined ? error : this.#failure.error;
    });
  }

  #sendTogether(statements: readonly SqlStatement[]): Promise<QueryResult>[] {
    const { stream } = this.#driver;
    stream.cork();
    const answers = statements.map((statement) => this.#send(statement));
    stream.uncork();
    return answers;
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
    const isNamed = values.length > 0 && !this.#isStale;
    const prepared = isNamed ? this.#names.nameOf(text) : undefined;
    if (prepared === undefined) return this.#client.query(text, values);
    const { name, dropped } = prepared;
    if (dropped !== undefined) this.#drop(dropped);
    try {
      return await this.#client.query({ name, text, values });
    } catch (error) {
      if (this.#isInTransaction || !isStalePlan(error)) throw error;
      this.#isStale = true;
      return this.#client.query(text, values);
    }
  }

  get #driver(): Driver["connection"] {
    return (this.#client as unknown as Driver).connection;
  }

  /** Leaves before the statement that takes its place. A connection that cannot forget it is not used again. */
  #drop(name: string): void {
    // NOTE: one that the server never took would fail, and the transaction with it.
    if (this.#driver.parsedStatements[name] === undefined) return;
    const forget = () => delete this.#driver.parsedStatements[name];
    this.#client.query(`deallocate "${name}"`).then(forget, () => (this.#isStale = true));
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
