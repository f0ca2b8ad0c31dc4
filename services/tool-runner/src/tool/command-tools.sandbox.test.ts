import { describe, expect, it } from "vitest";

import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { testHost } from "../testing/host.ts";
import { openRunner, shellArgv } from "../testing/open-runner.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { describeCommandTools } from "./command-tools.contract.ts";

const trial = makeTempDir();
const probe = await createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir: trial.path }).probe();
trial.remove();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

describe("command tools without isolation", () => {
  describeCommandTools("none");
});

describe.skipIf(!probe.usable)(`command tools in bubblewrap${reason}`, () => {
  describeCommandTools("bubblewrap");

  it("leave the runner's own folders out of reach", async () => {
    const open = await openRunner({ "README.md": "x\n" }, { sandbox: "bubblewrap" });
    try {
      const script = `cat ${open.stateDir}/repositories/*/config; ls ${open.stateDir}; ls ${open.repository.root}; ls /workspace/..; git log`;
      const { text } = await open.call("run_command", { argv: shellArgv(script) });
      expect(text).not.toMatch(/hooksPath =|^repositories$|^README\.md$|commit [0-9a-f]/mu);
      expect(await open.runner.health()).toMatchObject({ status: "serving", sandbox: { driver: "bubblewrap" } });
    } finally {
      await open.close();
    }
  });
});
