// Which database the engine of a test stands on: a file, or what its vitest project or its suite chose.
import path from "node:path";

import type { Clock } from "../clock.ts";
import type { StoreName } from "../job/durability-cases.ts";
import { openSqliteStore } from "../store/adapters/sqlite.ts";
import type { Store } from "../store/store.ts";

/** Where another process finds the same rows. */
export type StorePlace = { file: string } | { url: string };

export type TestStore = {
  store: Store;
  place: StorePlace;
  /** Opens it again after it was closed; its rows are still there. */
  reopen(): Promise<Store>;
  /** Closes the store that is open; its rows are gone. */
  remove(): Promise<void>;
};

export type OpenTestStore = (options: { folder: string; clock: Clock }) => Promise<TestStore>;

export type TestStoreKind = { name: StoreName; open: OpenTestStore };

/** A store that can be closed and opened again. */
export async function reopenable(open: () => Promise<Store>, place: StorePlace): Promise<TestStore> {
  let current = await open();
  return {
    store: current,
    place,
    reopen: async () => (current = await open()),
    remove: () => current.close(),
  };
}

async function openFile({ folder }: { folder: string }): Promise<TestStore> {
  const file = path.join(folder, "state.db");
  return reopenable(() => openSqliteStore(file), { file });
}

export const sqliteTestStore: TestStoreKind = { name: "SQLite", open: openFile };

const chosen: { kind: TestStoreKind } = { kind: sqliteTestStore };

/** Lets every engine of this test file stand on another database. */
export function chooseTestStore(kind: TestStoreKind): void {
  chosen.kind = kind;
}

/** The database of this test file. */
export const chosenTestStore = (): TestStoreKind => chosen.kind;

/** An empty store; leases are judged by `clock`, as on a store with one owner. */
export const openTestStore: OpenTestStore = (options) => chosen.kind.open(options);
