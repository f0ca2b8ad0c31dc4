// The contract and the attacks against the container driver. It needs a container engine.
import { describe } from "vitest";

import { createContainerSandbox } from "../sandbox/adapters/container.ts";
import { boxUid } from "../sandbox/box-arguments.ts";
import { describeSandbox } from "../sandbox/sandbox.contract.ts";
import { describeAttacks } from "../testing/describe-attacks.ts";
import { engineEnv } from "../testing/engine-env.ts";
import { testHost } from "../testing/host.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { boxAttacks } from "./all.attack.ts";

const create = (scratchDir: string) =>
  createContainerSandbox({ host: testHost, arch: process.arch, scratchDir, engineEnv });

const trial = makeTempDir();
const probe = await create(trial.at("box")).probe();
trial.remove();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

describe.skipIf(!probe.usable)(`container, as a driver${reason}`, () => {
  describeSandbox({ create, unsandboxed: false });
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
