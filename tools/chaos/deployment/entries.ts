// The processes of a deployment, each made into one file, so that what is killed is soon there again.
import { spawnSync } from "node:child_process";
import path from "node:path";

import { bundleServer } from "../../../packages/testkit/src/chaos/index.ts";
import type { Mutation } from "../../../packages/testkit/src/chaos/index.ts";
import type { FleetOptions } from "../../../apps/cli/src/testing/fleet.ts";
import type { HastenedLimits } from "../../../services/orchestrator/src/testing/hasten-limits.ts";

const root = path.resolve(import.meta.dirname, "../../..");

const sources = {
  runner: "services/tool-runner/src/main.ts",
  indexer: "services/indexer/src/main.ts",
  orchestrator: "services/orchestrator/src/testing/chaos-main.ts",
  gateway: "apps/gateway-api/src/main.ts",
} as const;

type Service = keyof typeof sources;

/** How the processes start that were made in a folder. */
export type Entries = Required<Pick<FleetOptions, "entries" | "environment">>;

const compiled = (folder: string) => ({ NODE_COMPILE_CACHE: path.join(folder, "compiled") });

/** Makes every service in `folder`. */
export async function makeServices(folder: string): Promise<void> {
  for (const service of Object.keys(sources) as Service[]) {
    const file = await makeService(folder, service);
    // A process leaves what it compiled to the next one only when it ends by itself, as with a setting that is none.
    const env = { ...compiled(folder), OSSAAT_LOG_LEVEL: "none" };
    spawnSync(process.execPath, [file], { env, stdio: "ignore" });
  }
}

async function makeService(folder: string, service: Service, changes: readonly Mutation[] = []): Promise<string> {
  const file = path.join(folder, `${service}.mjs`);
  await bundleServer(path.join(root, sources[service]), file, changes);
  return file;
}

/** Makes an orchestrator with changes of its source beside the services of `folder`, under a name of its own. */
export function makeChanged(folder: string, name: string, changes: readonly Mutation[]): Promise<string> {
  return makeService(path.join(folder, name), "orchestrator", changes);
}

export type EntryOptions = {
  /** Where the services were made. */
  folder: string;
  limits: HastenedLimits;
  /** File of the orchestrator; absent = the one in the folder. */
  orchestrator?: string;
};

export function entriesOf({ folder, limits, orchestrator }: EntryOptions): Entries {
  const words = (file: string) => ["--disable-warning=ExperimentalWarning", file];
  const at = (service: Service) => words(path.join(folder, `${service}.mjs`));
  return {
    entries: {
      runner: at("runner"),
      indexer: at("indexer"),
      gateway: at("gateway"),
      orchestrator: [...words(orchestrator ?? path.join(folder, "orchestrator.mjs")), JSON.stringify(limits)],
    },
    environment: compiled(folder),
  };
}
