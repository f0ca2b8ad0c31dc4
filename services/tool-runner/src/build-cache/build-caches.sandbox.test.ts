// Caches of build tools in real boxes, with a `go` of the test's own: it tells what it found in
// its cache and leaves something there.
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Envelope } from "@ossaat/contracts";
import type { WorkspaceId } from "@ossaat/contracts";
import { afterEach, describe, expect, it } from "vitest";

import { createToolRunner } from "../create-tool-runner.ts";
import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { testHost } from "../testing/host.ts";
import { collectEvents, makeInvocation, outcomeOf, testPlanId, wideEnvelope } from "../testing/open-runner.ts";
import { silentLog } from "../testing/silent-log.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { makeUserRepository } from "../testing/user-repository.ts";

const trial = makeTempDir();
const probe = await createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir: trial.path }).probe();
trial.remove();
const reason = probe.usable ? "" : ` (skipped: ${probe.detail})`;

/** Says its version, or what lies in its cache, where it then notes its argument. */
const fakeGo = `#!/bin/sh
if [ "$1" = version ]; then echo "go version \${FAKE:-1}"; exit 0; fi
ls "$GOCACHE" | tr '\\n' ' '
echo "at $GOCACHE"
if [ "$1" = test ]; then echo std > "$GOCACHE/std"; else echo "$1" > "$GOCACHE/$1"; fi
`;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function openProject(files: Readonly<Record<string, string>>) {
  const dir = makeTempDir();
  const repository = makeUserRepository(dir.at("user"), files);
  const bin = dir.at("home/.cargo/bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "go"), fakeGo);
  chmodSync(join(bin, "go"), 0o755);
  const host = { ...testHost, home: dir.at("home") };
  const stateDir = dir.at("state");
  const runner = createToolRunner({ stateDir, sandbox: "bubblewrap", host, logger: silentLog });
  closers.push(async () => {
    await runner.close();
    dir.remove();
  });
  const envelope = Envelope.parse({ ...wideEnvelope, commands: ["go"] });
  const open = (id: string) =>
    runner.workspaces.open({
      workspaceId: id as WorkspaceId,
      planId: testPlanId,
      repositoryPath: repository.root,
      commit: repository.base,
    });
  const go = async (id: string, ...args: string[]) => {
    const workspaceId = id as WorkspaceId;
    const call = makeInvocation("run_command", { argv: ["go", ...args] }, { envelope, workspaceId });
    const { text } = outcomeOf(await collectEvents(runner.tools.execute(call)));
    return text.split("\n").slice(1).join("\n");
  };
  return { runner, stateDir, open, go };
}

const goProject = { "go.mod": "module x\n", "x.go": "package x\n" };

describe.skipIf(!probe.usable)(`a folder for build caches${reason}`, () => {
  it("lives from command to command of one working tree, and begins with what the runner built itself", async () => {
    const { open, go } = openProject(goProject);
    await open("work-1");
    expect(await go("work-1", "build")).toBe("std at /cache/go-build");
    expect(await go("work-1", "vet")).toBe("build std at /cache/go-build");
  });

  it("is no other working tree's, so that what one step left there reaches no other", async () => {
    const { open, go, stateDir } = openProject(goProject);
    await open("work-1");
    await open("work-2");
    await go("work-1", "poison");
    expect(await go("work-2", "build")).toBe("std at /cache/go-build");
    const seeds = readdirSync(join(stateDir, "caches")).filter((name) => name.startsWith("go-"));
    expect(seeds).toHaveLength(1);
    expect(readdirSync(join(stateDir, "caches", seeds[0] ?? ""))).toEqual(["std"]);
  });

  it("is removed with the plan", async () => {
    const { runner, open, go, stateDir } = openProject(goProject);
    await open("work-1");
    await go("work-1", "build");
    const folder = join(stateDir, "caches/plans", testPlanId);
    expect(statSync(join(folder, "work-1/go-build")).isDirectory()).toBe(true);
    await runner.workspaces.remove({ planId: testPlanId });
    expect(existsSync(folder)).toBe(false);
  });

  it("is not there for a project without Go", async () => {
    const { open, go, stateDir } = openProject({ "README.md": "x\n" });
    await open("work-1");
    // The program's two channels come in any order; what it printed last is trimmed.
    expect(await go("work-1", "build")).toMatch(/^at ?$/mu);
    expect(existsSync(join(stateDir, "caches"))).toBe(false);
  });

  it("is empty at first when the runner's own build fails, and the command runs all the same", async () => {
    const { open, go, stateDir } = openProject(goProject);
    const program = join(stateDir, "../home/.cargo/bin/go");
    writeFileSync(
      program,
      readFileSync(program, "utf8").replace('if [ "$1" = test ]; then', 'if [ "$1" = test ]; then exit 1;'),
    );
    await open("work-1");
    expect(await go("work-1", "build")).toBe("at /cache/go-build");
  });
});
