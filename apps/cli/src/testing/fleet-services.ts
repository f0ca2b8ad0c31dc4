// The services of a deployment, each made into one file, so that its processes start in a fraction of the time.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { bundleServer } from "@ossaat/testkit/chaos";

const ownRoot = fileURLToPath(new URL("../../../../", import.meta.url));

/** The kinds of processes that a deployment has, by their own entries. */
const ownEntries = {
  runner: "services/tool-runner/src/main.ts",
  indexer: "services/indexer/src/main.ts",
  orchestrator: "services/orchestrator/src/main.ts",
  gateway: "apps/gateway-api/src/main.ts",
} as const;

export type Service = keyof typeof ownEntries;

/** How the processes of a fleet start. */
export type FleetServices = {
  /** Arguments of Node by which each service starts. */
  entries: Readonly<Record<Service, readonly string[]>>;
  /** Of every process. */
  environment: Record<string, string>;
};

const compiled = (folder: string) => ({ NODE_COMPILE_CACHE: path.join(folder, "compiled") });

export type BundleOptions = {
  /** In place of services' own, below the root. */
  entries?: Partial<Record<Service, string>>;
  /** Folder of the sources, with what they need installed; absent = this repository. */
  root?: string;
};

/** Makes every service in `folder`. */
export async function bundleServices(folder: string, { entries, root = ownRoot }: BundleOptions = {}): Promise<void> {
  for (const [service, entry] of Object.entries({ ...ownEntries, ...entries })) {
    const file = path.join(folder, `${service}.mjs`);
    await bundleServer(path.join(root, entry), file);
    // A process leaves what it compiled to the next one only when it ends by itself, as with a setting that is none.
    const env = { ...compiled(folder), OSSAAT_LOG_LEVEL: "none" };
    spawnSync(process.execPath, [file], { env, stdio: "ignore" });
  }
}

/**
 * How the services of {@link bundleServices} start.
 * @param orchestrator arguments of Node in place of those of the one in the folder
 */
export function servicesIn(folder: string, orchestrator?: readonly string[]): FleetServices {
  const at = (service: Service) => ["--disable-warning=ExperimentalWarning", path.join(folder, `${service}.mjs`)];
  return {
    entries: {
      runner: at("runner"),
      indexer: at("indexer"),
      gateway: at("gateway"),
      orchestrator: orchestrator ?? at("orchestrator"),
    },
    environment: compiled(folder),
  };
}
