// Tries sandbox drivers on this machine, before a runner is made with one of them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readEngineEnvironment, readHostEnvironment } from "./config.ts";
import { createBubblewrapSandbox } from "./sandbox/adapters/bubblewrap.ts";
import { createContainerSandbox } from "./sandbox/adapters/container.ts";
import type { DriverTrial } from "./sandbox/choose-driver.ts";

/** `image` is the user's own for containers, if there is one. */
export function createDriverTrial(image: string | undefined): DriverTrial {
  const host = readHostEnvironment();
  return {
    host,
    async works(driver) {
      const dir = await mkdtemp(join(tmpdir(), "ossaat-driver-"));
      const options = { host, arch: process.arch, scratchDir: join(dir, "box") };
      try {
        const sandbox =
          driver === "bubblewrap"
            ? createBubblewrapSandbox(options)
            : createContainerSandbox({ ...options, image, engineEnv: readEngineEnvironment() });
        return (await sandbox.probe()).usable;
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
  };
}
