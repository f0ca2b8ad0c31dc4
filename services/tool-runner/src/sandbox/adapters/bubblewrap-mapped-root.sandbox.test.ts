// Root that cannot become another user, as in a container with few capabilities: its boxes must
// withstand the same attacks, though it owns the kernel's settings and the device files.
import { existsSync } from "node:fs";

import { describe } from "vitest";

import { testHost } from "../../testing/host.ts";
import { makeTempDir } from "../../testing/temp-dir.ts";
import { describeViolations } from "../violations.contract.ts";
import { createBubblewrapSandbox } from "./bubblewrap.ts";

function create(scratchDir: string) {
  return createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir, identity: "mappedRoot" });
}

const trial = makeTempDir();
const probe = await create(trial.path).probe();
trial.remove();
const memoryBound = probe.detail.includes("control group v") ? "all together" : "each process";
const isRoot = process.getuid?.() === 0;
const canRun = probe.usable && isRoot && existsSync("/usr/bin/python3");
const reason = canRun
  ? ""
  : ` (skipped: ${isRoot ? `it needs /usr/bin/python3 and ${probe.detail}` : "it needs root"})`;

describe.skipIf(!canRun)(`bubblewrap as a root that stays root${reason}`, () => {
  const changeable = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
  describeViolations({ create, unsandboxed: false, memoryBound, payloadUid: 0, changeable });
});
