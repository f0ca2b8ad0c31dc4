// Statements that are built and compiled once and run with other values each time. For the few that
// every step needs: building one costs several times what SQLite needs to run it.
import { PostgresAdapter, ValueNode, isExpression } from "kysely";
import type { CompiledQuery, Expression, OperationNode } from "kysely";

import type { Reader } from "./store.ts";

/** Begins the text of a statement whose answer is asked for later, for the connection that sends it. */
export const aheadMark = "/* ahead */ ";

/** What a compiled statement holds in place of a value that comes with each run. */
class SlotName {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

class Slot<T> implements Expression<T> {
  readonly #content: unknown;

  constructor(content: unknown) {
    this.#content = content;
  }

  get expressionType(): T | undefined {
    return undefined;
  }

  toOperationNode(): OperationNode {
    return isExpression(this.#content) ? this.#content.toOperationNode() : ValueNode.create(this.#content);
  }
}

/** What stands for the values when a statement is built. */
export type Slots<V> = { readonly [K in keyof V]: Expression<V[K]> };

/** The values of one run; one that the database works out itself, as its clock, is an expression. */
type Values<V> = { readonly [K in keyof V]: V[K] | Expression<V[K]> };

export type Statement<V, R> = {
  /** Runs on a transaction or outside of one; gives the rows the statement returns. */
  (db: Reader, values: Values<V>): Promise<R[]>;
  /**
   * Has a server run it right after the next statement of the transaction that is waited for, in the same
   * packet; its answer is there when it is run with the same values. Until then nothing else may be written,
   * and it has to be right whatever the statement before it answers. Where nothing is sent, nothing happens.
   */
  ahead(tx: Reader, values: Values<V>): Promise<void>;
};

function makeSlots<V extends object>(contentOf: (name: string) => unknown): Slots<V> {
  return new Proxy({} as Slots<V>, { get: (_target, name) => new Slot(contentOf(String(name))) });
}

/** Stands for the expression of a run that has none. */
const noExpression = {};

/**
 * Makes a statement whose text does not depend on its values; it is compiled once for each database,
 * and for each expression among the values.
 */
export function statement<V extends object, R>(
  build: (db: Reader, slots: Slots<V>) => { compile(): CompiledQuery<R> },
): Statement<V, R> {
  const compiled = new WeakMap<object, WeakMap<object, CompiledQuery<R>>>();
  const compiledFor = (
    db: Reader,
    { valueOf, expression }: { valueOf: (name: string) => unknown; expression: object },
  ): CompiledQuery<R> => {
    const { adapter } = db.getExecutor();
    const known = compiled.get(adapter) ?? new WeakMap<object, CompiledQuery<R>>();
    compiled.set(adapter, known);
    const contentOf = (name: string) => (valueOf(name) === expression ? expression : new SlotName(name));
    const query = known.get(expression) ?? build(db, makeSlots<V>(contentOf)).compile();
    known.set(expression, query);
    return query;
  };
  const queryOf = (db: Reader, values: Values<V>): CompiledQuery<R> => {
    const valueOf = (name: string): unknown => values[name as keyof V];
    const [expression = noExpression, ...others] = Object.values(values).filter((value) => isExpression(value));
    // Plugins see, and may change, each statement with its values: then it is built each time.
    if (db.getExecutor().plugins.length > 0 || others.length > 0) return build(db, makeSlots<V>(valueOf)).compile();
    const query = compiledFor(db, { valueOf, expression });
    const parameters = query.parameters.map((known) => (known instanceof SlotName ? valueOf(known.name) : known));
    return { ...query, parameters };
  };
  const run = async (db: Reader, values: Values<V>) => (await db.executeQuery<R>(queryOf(db, values))).rows;
  const ahead = async (tx: Reader, values: Values<V>) => {
    if (!(tx.getExecutor().adapter instanceof PostgresAdapter)) return;
    const query = queryOf(tx, values);
    await tx.executeQuery({ ...query, sql: `${aheadMark}${query.sql}` });
  };
  return Object.assign(run, { ahead });
}
