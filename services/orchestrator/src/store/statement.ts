// Statements that are built and compiled once and run with other values each time. For the few that
// every step needs: building one costs several times what SQLite needs to run it.
import { ValueNode } from "kysely";
import type { CompiledQuery, Expression, OperationNode } from "kysely";

import type { Reader } from "./store.ts";

/** Stands in a statement for a value that comes with each run. */
class Slot<T> implements Expression<T> {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get expressionType(): T | undefined {
    return undefined;
  }

  toOperationNode(): OperationNode {
    return ValueNode.create(this);
  }
}

/** What stands for the values when a statement is built. */
export type Slots<V> = { readonly [K in keyof V]: Expression<V[K]> };

/** Runs on a transaction or outside of one; gives the rows the statement returns. */
export type Statement<V, R> = (db: Reader, values: V) => Promise<R[]>;

function makeSlots<V extends object>(): Slots<V> {
  return new Proxy({} as Slots<V>, { get: (_target, name) => new Slot(String(name)) });
}

/** Makes a statement whose text does not depend on its values; it is compiled once for each database. */
export function statement<V extends object, R>(
  build: (db: Reader, slots: Slots<V>) => { compile(): CompiledQuery<R> },
): Statement<V, R> {
  const compiled = new WeakMap<object, CompiledQuery<R>>();
  return async (db, values) => {
    const { adapter } = db.getExecutor();
    let query = compiled.get(adapter);
    if (query === undefined) compiled.set(adapter, (query = build(db, makeSlots<V>()).compile()));
    const valueOf = (parameter: unknown) => (parameter instanceof Slot ? values[parameter.name as keyof V] : parameter);
    const { rows } = await db.executeQuery<R>({ ...query, parameters: query.parameters.map(valueOf) });
    return rows;
  };
}
