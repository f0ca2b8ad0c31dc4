// The contract and the attacks against the container driver. It needs a container engine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { describeEgress } from "../egress/egress.contract.ts";
import { createContainerSandbox } from "../sandbox/adapters/container.ts";
import { boxUid } from "../sandbox/box-arguments.ts";
import { askEngine, findEngine } from "../sandbox/container-engine.ts";
import { ensureEmptyImage } from "../sandbox/container-image.ts";
import { removeOrphans, runnerLabels } from "../sandbox/container-orphans.ts";
import { describeSandbox } from "../sandbox/sandbox.contract.ts";
import { describeAttacks } from "../testing/describe-attacks.ts";
import { engineEnv } from "../testing/engine-env.ts";
import { testHost } from "../testing/host.ts";
import { markedSleep, survivors } from "../testing/marked-sleep.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { boxAttacks } from "./all.attack.ts";

const emptyBase = { binds: [], links: [], path: "", env: {}, emptyFile: "" };

const create = (scratchDir: string) =>
  createContainerSandbox({ host: testHost, arch: process.arch, scratchDir, engineEnv });

const trial = makeTempDir();
const probe = await create(trial.at("box")).probe();
trial.remove();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

describe.skipIf(!probe.usable)(`container, as a driver${reason}`, () => {
  describeSandbox({ create, unsandboxed: false });
  describeEgress({ create, name: "container" });

  it("leaves nothing running when its runner is killed", async () => {
    const dir = makeTempDir();
    const { seconds, mark } = markedSleep();
    mkdirSync(dir.at("work"));
    const script = fileURLToPath(new URL("../testing/run-and-wait.ts", import.meta.url));
    const runner = spawn(process.execPath, [script, dir.at("box"), dir.at("work"), seconds], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(runner.stdout, "data");
      runner.kill("SIGKILL");
      expect(await survivors(mark)).toEqual([]);
    } finally {
      runner.kill("SIGKILL");
      dir.remove();
    }
  });

  it("removes what a dead runner of the same folder left, and nothing else", async () => {
    const dir = makeTempDir();
    try {
      mkdirSync(dir.at("box"));
      const engine = await findEngine(testHost, engineEnv);
      if (engine === undefined) throw new Error("the engine is gone");
      const labels = await runnerLabels("a".repeat(64));
      const image = await ensureEmptyImage(engine, emptyBase, dir.at("image"));
      const make = (owner: string) =>
        askEngine(engine, [
          "create",
          "--network=none",
          `--label=ossaat.box=${labels["ossaat.box"]}`,
          `--label=ossaat.runner=${owner}`,
          image,
          "/none",
        ]);
      const [dead, alive] = [await make("4194303.1"), await make(labels["ossaat.runner"] ?? "")];
      await removeOrphans(engine, labels);
      const left = await askEngine(engine, [
        "ps",
        "--all",
        "--no-trunc",
        "--quiet",
        "--filter",
        `label=ossaat.box=${labels["ossaat.box"]}`,
      ]);
      await askEngine(engine, ["rm", "--force", alive]);
      expect({ dead: left.includes(dead), alive: left.includes(alive) }).toEqual({ dead: false, alive: true });
    } finally {
      dir.remove();
    }
  });
});

const own = process.getuid?.() ?? 0;
const uid = own === 0 || probe.detail.startsWith("podman") ? boxUid : own;
const driver = {
  create,
  // A container's group is gone with it: that its processes hit their limit is the kernel's knowledge.
  sees: { memory: true, processes: false },
  uid: { inside: uid, outside: own === 0 ? boxUid : own },
  ownFolders: ["/dev/mqueue"],
};
describeAttacks("container", probe.usable ? driver : { unusable: probe.detail }, boxAttacks);
