// The contracts of what processes share besides plans, on whatever database a test file stands on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach } from "vitest";

import { createStoreArtifacts } from "../artifact/adapters/store.ts";
import { describeArtifacts } from "../artifact/artifacts.contract.ts";
import { systemClock } from "../clock.ts";
import { createStoreTurnJournal } from "../step/adapters/store-turn-journal.ts";
import { describeTurnJournal } from "../step/turn-journal.contract.ts";
import { openTestStore } from "./test-store.ts";

export function describeSharedTexts(name: string): void {
  const removals: (() => Promise<void>)[] = [];
  const open = async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "ossaat-shared-"));
    const opened = await openTestStore({ folder, clock: systemClock });
    const remove = async () => {
      await opened.remove();
      rmSync(folder, { recursive: true });
    };
    return { store: opened.store, remove };
  };
  afterEach(async () => {
    for (const remove of removals.splice(0)) await remove();
  });
  describeArtifacts(name, async () => {
    const { store, remove } = await open();
    return {
      artifacts: createStoreArtifacts(store),
      reopen: () => createStoreArtifacts(store),
      damage: async (ref) => {
        const body = Buffer.from("a lie");
        await store.tx((tx) => tx.updateTable("artifact").set({ body }).where("ref", "=", ref).execute());
      },
      remove,
    };
  });
  describeTurnJournal(async () => {
    const { store, remove } = await open();
    removals.push(remove);
    return { journal: createStoreTurnJournal(store), reopen: () => createStoreTurnJournal(store) };
  });
}
