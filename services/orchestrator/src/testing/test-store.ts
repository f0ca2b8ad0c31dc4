// Which database the engine of a test stands on: a file, or what its vitest project chose.
import path from "node:path";

import type { Clock } from "../clock.ts";
import { openSqliteStore } from "../store/adapters/sqlite.ts";
import type { Store } from "../store/store.ts";

export type TestStore = {
  store: Store;
  /** Closes the store; its rows are gone. */
  remove(): Promise<void>;
};

export type OpenTestStore = (options: { folder: string; clock: Clock }) => Promise<TestStore>;

async function openFile({ folder }: { folder: string }): Promise<TestStore> {
  const store = await openSqliteStore(path.join(folder, "state.db"));
  return { store, remove: () => store.close() };
}

const chosen: { open: OpenTestStore } = { open: openFile };

/** Lets every engine of this test file stand on another database. */
export function chooseTestStore(open: OpenTestStore): void {
  chosen.open = open;
}

/** An empty store; leases are judged by `clock`, as on a store with one owner. */
export const openTestStore: OpenTestStore = (options) => chosen.open(options);
