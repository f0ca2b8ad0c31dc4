// The processes of a deployment, each made into one file, so that what is killed is soon there again.
import path from "node:path";

import { bundleServices, servicesIn } from "../../../apps/cli/src/testing/fleet-services.ts";
import type { FleetServices } from "../../../apps/cli/src/testing/fleet-services.ts";
import { bundleServer } from "../../../packages/testkit/src/chaos/index.ts";
import type { Mutation } from "../../../packages/testkit/src/chaos/index.ts";
import type { HastenedLimits } from "../../../services/orchestrator/src/testing/hasten-limits.ts";

/** An orchestrator in which what happens by the clock happens soon. */
const orchestratorEntry = "services/orchestrator/src/testing/chaos-main.ts";

/** Makes every service in `folder`. @param root of the sources; absent = this repository */
export function makeServices(folder: string, root?: string): Promise<void> {
  return bundleServices(folder, {
    entries: { orchestrator: orchestratorEntry },
    ...(root === undefined ? {} : { root }),
  });
}

/** Makes an orchestrator with changes of its source beside the services of `folder`, under a name of its own. */
export async function makeChanged(folder: string, name: string, changes: readonly Mutation[]): Promise<string> {
  const file = path.join(folder, name, "orchestrator.mjs");
  await bundleServer(path.resolve(import.meta.dirname, "../../..", orchestratorEntry), file, changes);
  return file;
}

export type ServicesOptions = {
  /** Where the services were made. */
  folder: string;
  limits: HastenedLimits;
  /** File of the orchestrator; absent = the one in the folder. */
  orchestrator?: string;
};

export function servicesOf({ folder, limits, orchestrator }: ServicesOptions): FleetServices {
  const file = orchestrator ?? path.join(folder, "orchestrator.mjs");
  return servicesIn(folder, ["--disable-warning=ExperimentalWarning", file, JSON.stringify(limits)]);
}
