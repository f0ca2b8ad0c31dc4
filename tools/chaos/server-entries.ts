// The processes of chaos runs of this repository.
import path from "node:path";

import { makeChaosEntries } from "../../packages/testkit/src/chaos/index.ts";
import type { ChaosEntries, Mutation } from "../../packages/testkit/src/chaos/index.ts";

const root = path.resolve(import.meta.dirname, "../..");
const sources = {
  server: path.join(root, "apps/cli/src/testing/chaos-server.ts"),
  runner: path.join(root, "services/tool-runner/src/main.ts"),
};

/** Makes them in `folder`; a mutation changes the server. */
export function makeEntries(folder: string, mutation?: Mutation): Promise<ChaosEntries> {
  return makeChaosEntries(folder, sources, mutation);
}
