// PORT: the database, the only truth. Promises: `tx` is atomic and durable when it resolves;
// a thrown error rolls everything back; reads outside see committed rows only. Inside `tx`
// nothing may be awaited but the handle itself, because the embedded store has one writer.
import type { Kysely, Transaction } from "kysely";

import type { Tables } from "./tables.ts";

export type Tx = Transaction<Tables>;
/** A handle for single reads outside a transaction. */
export type Reader = Kysely<Tables>;

export type Store = {
  read: Reader;
  /** @throws AgentError unavailable when the database cannot be reached or is full. */
  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when a trivial statement succeeds. */
  ping(): Promise<void>;
  close(): Promise<void>;
};
