// Makes the services of a deployment once for all tests of a vitest project.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { TestProject } from "vitest/node";

import { bundleServices } from "./fleet-services.ts";

declare module "vitest" {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- merges into vitest's own
  interface ProvidedContext {
    /** Folder of the services. */
    fleetFolder: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-services-"));
  await bundleServices(folder);
  project.provide("fleetFolder", folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
