import { mkdirSync, symlinkSync } from "node:fs";

import { AgentError } from "@ossaat/contracts";
import { describe, expect, it } from "vitest";

import { testHost } from "../../testing/host.ts";
import { makeTempDir } from "../../testing/temp-dir.ts";
import { runIn } from "../../testing/run-in.ts";
import { describeSandbox } from "../sandbox.contract.ts";
import { createUnconfinedRunner } from "./unconfined.ts";

describe("the driver without isolation", () => {
  describeSandbox({
    create: (scratchDir) => createUnconfinedRunner({ host: testHost, scratchDir }),
    unsandboxed: true,
  });

  it("refuses a folder that leads out of the workspace, and one that is missing", async () => {
    const dir = makeTempDir();
    try {
      mkdirSync(dir.at("work"));
      symlinkSync("/", dir.at("work", "out"));
      const sandbox = createUnconfinedRunner({ host: testHost, scratchDir: dir.at("scratch") });
      for (const cwd of ["out", "..", "missing"]) {
        const refused = await runIn(sandbox, dir.at("work"), ["true"], { cwd }).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(AgentError);
        expect(refused).toMatchObject({ code: "invalid_input" });
      }
    } finally {
      dir.remove();
    }
  });

  it("says in its description that nothing is isolated", async () => {
    const probe = await createUnconfinedRunner({ host: testHost, scratchDir: "/nonexistent" }).probe();
    expect(probe.detail).toContain("WITHOUT isolation");
  });
});
