// A command fills the disk that its working tree lies on, by bytes or by files, inside a plan.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { counterFiles, git, makeRepository } from "./testing/make-repository.ts";
import { createCli } from "./testing/run-ossaat.ts";
import type { Cli, Json } from "./testing/run-ossaat.ts";
import { call, counterFrame, counterPlan, editSum, finish, turns, writeScript } from "./testing/script.ts";

const goal = "Let sum in src/sum.js add";
const canMount = process.getuid?.() === 0;
const program = ["/usr/bin/python3", "fill.py"];

/** Fills the working tree, or the folders that a box has for itself, until the system says no. */
const fill = `
import errno, os, sys
mode, folder = sys.argv[1], sys.argv[2]
os.makedirs(folder, exist_ok=True)
made = 0
try:
  if mode == "bytes":
    with open(folder + "/fill", "wb", buffering=0) as file:
      while made < 4096:
        file.write(bytes(1 << 20))
        made += 1
  else:
    while made < 2000000:
      open(f"{folder}/{made}", "w").close()
      made += 1
  print("no limit met")
except OSError as error:
  print("met", errno.errorcode[error.errno], flush=True)
  sys.exit(3)
`;

let cli: Cli;
let disk: string;
let repository: string;
beforeEach(async () => {
  cli = await createCli();
  disk = path.join(cli.folder, "disk");
  mkdirSync(disk);
  if (canMount) {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m,nr_inodes=20k", "tmpfs", disk]);
    cli.env["OSSAAT_STATE_DIR"] = path.join(disk, "state");
  }
  repository = await makeRepository(path.join(cli.folder, "repository"), {
    ...counterFiles,
    "fill.py": fill,
    ".gitignore": "ignored/\n",
  });
});
afterEach(async () => {
  await cli.run(cli.folder, ["down"]);
  if (canMount) execFileSync("umount", ["-l", disk]);
  await cli.close();
});

const frame = [
  ...turns("planner", "plan.1", {
    toolCalls: [
      call("propose_plan", { ...counterPlan, steps: [{ ...counterPlan.steps[0], commands: [program.join(" ")] }] }),
    ],
  }),
  ...counterFrame.slice(1),
];

describe.skipIf(!canMount)("a command fills (needs root to mount a small disk)", () => {
  const undone = "\n[the command filled the disk: everything it had written to the working tree was removed]";

  test.each([
    ["the disk of its working tree by bytes", "bytes", "seen", undone],
    ["the disk of its working tree by files, hidden from git", "files", "ignored", undone],
    ["the folder for temporary files that it has for itself", "bytes", "/tmp/fill", ""],
  ])("%s: it is told, nothing of it stays, and the run goes on", async (_name, mode, folder, note) => {
    const model = await writeScript(path.join(cli.folder, "script.json"), [
      ...frame,
      ...turns(
        "code-writer",
        "fix",
        { toolCalls: [call("run_command", { argv: [...program, mode, folder] })] },
        { toolCalls: [editSum] },
        finish("Mended."),
      ),
    ]);
    const run = await cli.json(repository, ["run", goal, "--model", model, "--yes"]);
    expect([run.code, run.value.plan.status], run.stderr).toEqual([0, "succeeded"]);
    const { plan } = run.value;
    expect(git(repository, "diff", "--name-only", "main", plan.branch)).toBe("src/sum.js");
    const events: Json[] = (await cli.json(repository, ["logs", plan.id])).value.events;
    const [ended] = events.filter(({ type, data }) => type === "tool.finished" && data.tool === "run_command");
    const { text, changedPaths } = ended.data.output.value;
    expect(text.replace(/ after [0-9.]+ s\]/u, "]")).toBe(`[exited 3]${note}\nmet ENOSPC`);
    expect([ended.data.exitCode, changedPaths]).toEqual([3, []]);
    const audited = events.filter(({ type }) => type === "audit.denied").flatMap(({ data }) => data.denials);
    expect(audited.map(({ layer, rule }: Json) => `${layer} ${rule}`)).toEqual(note === "" ? [] : ["limit disk"]);
  });
});
