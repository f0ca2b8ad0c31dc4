import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import { describe, expect, it } from "vitest";

import { testHost } from "../../testing/host.ts";
import { runIn } from "../../testing/run-in.ts";
import { makeTempDir } from "../../testing/temp-dir.ts";
import { findCgroupBase } from "../cgroup.ts";
import { describeSandbox } from "../sandbox.contract.ts";
import { createBubblewrapSandbox } from "./bubblewrap.ts";

function create(scratchDir: string, options: { useCgroups?: boolean } = {}) {
  return createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir, ...options });
}

const trial = makeTempDir();
const probe = await create(trial.path).probe();
trial.remove();
const hasGroups = probe.detail.includes("control group v");
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

describe.skipIf(!probe.usable)(`bubblewrap${reason}`, () => {
  const subject = { create: (scratchDir: string) => create(scratchDir), unsandboxed: false };
  describeSandbox(subject);

  it.skipIf(!hasGroups)("removes its control groups", async () => {
    const dir = makeTempDir();
    try {
      mkdirSync(dir.at("work"));
      await runIn(create(dir.at("box")), dir.at("work"), ["true"]);
      const left = readdirSync("/sys/fs/cgroup", { recursive: true }).filter((path) =>
        String(path).includes(`ossaat-${process.pid}`),
      );
      expect(left).toEqual([]);
    } finally {
      dir.remove();
    }
  });

  it.skipIf(!hasGroups)("is not hindered by what a killed runner left that had its number", async () => {
    const dir = makeTempDir();
    const base = (await findCgroupBase())!;
    const left = [...new Set([base.memory, base.pids])].flatMap((folder) =>
      [1, 2, 3].map((n) => path.join(folder, `ossaat-${process.pid}-${n}`)),
    );
    try {
      for (const group of left) mkdirSync(group);
      mkdirSync(dir.at("work"));
      const sandboxes = [create(dir.at("box")), create(dir.at("other"))];
      const results = await Promise.all(sandboxes.map((sandbox) => runIn(sandbox, dir.at("work"), ["true"])));
      expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    } finally {
      for (const group of left) rmdirSync(group);
      dir.remove();
    }
  });

  it("shows a toolchain that came after its first run", async () => {
    const dir = makeTempDir();
    try {
      mkdirSync(dir.at("work"));
      mkdirSync(dir.at("home"));
      const host = { ...testHost, home: dir.at("home") };
      const sandbox = createBubblewrapSandbox({ host, arch: process.arch, scratchDir: dir.at("box") });
      const look = () => runIn(sandbox, dir.at("work"), ["ls", "/home/agent/.m2/repository"]);
      expect((await look()).exitCode).not.toBe(0);
      mkdirSync(dir.at("home/.m2/repository/org"), { recursive: true });
      expect(await look()).toMatchObject({ exitCode: 0, stdout: "org\n" });
    } finally {
      dir.remove();
    }
  });

  it("bounds processes and memory by rlimit where no control group can be made", async () => {
    const dir = makeTempDir();
    try {
      mkdirSync(dir.at("work"));
      const sandbox = create(dir.at("box"), { useCgroups: false });
      expect((await sandbox.probe()).detail).toContain("limits by rlimit");
      const limits = { processes: 30, memoryBytes: 64 * 1024 * 1024 };
      const memory = await runIn(sandbox, dir.at("work"), ["/usr/bin/python3", "-c", "bytearray(40 * 1024**3)"], {
        limits,
      });
      expect(memory.stderr).toContain("MemoryError");
      const bomb =
        "import os, time\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(20); os._exit(0)\nexcept OSError as e: print(e.errno)";
      expect(await runIn(sandbox, dir.at("work"), ["/usr/bin/python3", "-c", bomb], { limits })).toMatchObject({
        stdout: "11\n",
      });
      const node = await runIn(sandbox, dir.at("work"), ["node", "-p", "1"], {
        limits: { memoryBytes: 64 * 1024 * 1024 },
      });
      expect(node).toMatchObject({ exitCode: 0, stdout: "1\n" });
      // Each reserves 10 GiB of address space; test runners hold several.
      const script = "console.log(Array.from({ length: 8 }, () => new WebAssembly.Memory({ initial: 1 })).length)";
      const wasm = await runIn(sandbox, dir.at("work"), ["node", "-e", script]);
      expect(wasm).toMatchObject({ exitCode: 0, stdout: "8\n" });
    } finally {
      dir.remove();
    }
  });
});

it("names what is missing and the command that mends it", async () => {
  const dir = makeTempDir();
  try {
    const sandbox = createBubblewrapSandbox({
      host: testHost,
      arch: "mips",
      scratchDir: dir.at("box"),
    });
    const refused = await runIn(sandbox, dir.path, ["true"]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AgentError);
    expect(refused).toMatchObject({ code: "unavailable" });
    expect(await sandbox.probe()).toMatchObject({ usable: false, driver: "bubblewrap" });
  } finally {
    dir.remove();
  }
});
